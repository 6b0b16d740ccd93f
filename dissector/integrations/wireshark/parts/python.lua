-- Lists, tuples: tables from 1 on. Sets: true by element. Dictionaries: tables, with None under NONE. Octets, texts:
-- strings. Enumerations: their names. Integers above 2^53: their hexadecimal digits.

local py = { NONE = {} }
do

local byte, floor, format, unpack = string.byte, math.floor, string.format, table.unpack
local DEQUE = {}
local sizes = setmetatable({}, { __mode = "k" }) -- of dictionaries that are written to

local classes = {} -- all of them, bases first

-- A class. With `fields` it is a NamedTuple or a dataclass: `make` makes a table of their values, in this order.
function py.class(name, fields, defaults, is_tuple, base, make)
    local getters = {}
    local class = { _class = name, _fields = fields, _defaults = defaults, _getters = getters, _base = base }
    local meta = { _class = name, _fields = is_tuple and fields }
    class._meta = meta
    function meta.__index(object, key)
        local getter = getters[key]
        if getter then return getter(object) end
        return class[key]
    end
    if is_tuple then
        meta.__eq = py.same
        function meta.__lt(one, other)
            for _, field in ipairs(fields) do
                if one[field] ~= other[field] then return one[field] < other[field] end
            end
            return false
        end
    end
    local function construct(_, ...)
        if make then return setmetatable(make(...), meta) end
        local object = setmetatable({}, meta)
        if class._init then class._init(object, ...) end
        return object
    end
    classes[#classes + 1] = class
    return setmetatable(class, { __call = construct })
end

-- Once all methods are there: each class has those of its base, and one without properties is looked into as a table.
function py.seal()
    for _, class in ipairs(classes) do
        local base = class._base or { _getters = {} }
        for key, method in pairs(base) do
            if class[key] == nil then class[key] = method end
        end
        for key, getter in pairs(base._getters) do class._getters[key] = class._getters[key] or getter end
        if not next(class._getters) then class._meta.__index = class end
    end
end

-- An object of a class with fields, from a table of their values.
function py.make(class, values)
    for field, default in pairs(class._defaults) do
        if values[field] == nil then values[field] = type(default) == "function" and default() or default end
    end
    return setmetatable(values, class._meta)
end

-- The same with other values in some fields, named in turns with them.
function py.with(object, ...)
    local copy = setmetatable(py.copy(object), getmetatable(object))
    for index = 1, select("#", ...), 2 do copy[(select(index, ...))] = (select(index + 1, ...)) end
    return copy
end

function py.update(object, values)
    local copy = setmetatable(py.copy(object), getmetatable(object))
    for key, value in pairs(values) do copy[key] = value end
    return copy
end


local KINDS = { int = "number", str = "string", list = "table", frozenset = "table" }

function py.is_a(object, one, other)
    local meta = getmetatable(object)
    local class = meta and meta._class
    if class then return class == one or class == other end
    return KINDS[one] == type(object)
end

function py.same(one, other)
    for key, value in pairs(one) do
        if value ~= other[key] then return false end
    end
    for key in pairs(other) do
        if one[key] == nil then return false end
    end
    return true
end

function py.truth(object)
    if not object or object == 0 or object == "" then return false end
    if type(object) ~= "table" or next(object) == nil then return type(object) ~= "table" end
    return getmetatable(object) ~= DEQUE or object.last >= object.first
end

function py.either(one, other) return py.truth(one) and one or other end

function py.len(object)
    if type(object) == "string" then return #object end
    if getmetatable(object) == DEQUE then return object.last - object.first + 1 end
    return sizes[object] or #object
end

function py.has(object, element)
    if type(object) == "string" then return py.find(object, element) >= 0 end
    if object.contains then return object:contains(element) end
    if object[element] == true or (type(element) == "string" and object[element] ~= nil) then return true end
    local is_tuple = type(element) == "table" and getmetatable(element) == nil
    for _, one in ipairs(object) do
        if one == element or (is_tuple and py.same(one, element)) then return true end
    end
    return false
end

function py.get(object, key, default)
    if key == nil then key = py.NONE end
    local value = object[key]
    if value == nil then return default end
    return value
end

function py.put(object, key, value)
    if object[key] == nil then sizes[object] = (sizes[object] or 0) + 1 end
    object[key] = value
end

function py.pop(object, key, default)
    local value = object[key]
    if value == nil then return default end
    object[key], sizes[object] = nil, (sizes[object] or 1) - 1
    return value
end

function py.setdefault(object, key, value)
    if object[key] == nil then py.put(object, key, value) end
    return object[key]
end

function py.clear(object)
    for key in pairs(object) do object[key] = nil end
    sizes[object] = nil
    if getmetatable(object) == DEQUE then object.first, object.last = 1, 0 end
end

function py.deque() return setmetatable({ first = 1, last = 0 }, DEQUE) end

function py.push(deque, element)
    deque.last = deque.last + 1
    deque[deque.last] = element
end

function py.popleft(deque)
    local element = deque[deque.first]
    deque[deque.first], deque.first = nil, deque.first + 1
    return element
end

function py.nth(deque, index) return deque[index < 0 and deque.last + 1 + index or deque.first + index] end

function py.at(object, index)
    if type(object) == "string" then return byte(object, index < 0 and index or index + 1) end
    local fields = getmetatable(object) and getmetatable(object)._fields
    if fields then return object[fields[index + 1]] end
    return object[index < 0 and #object + 1 + index or index + 1]
end

function py.unpack(object)
    local fields = getmetatable(object) and getmetatable(object)._fields
    if not fields then return unpack(object, 1, 6) end
    local values = {}
    for index, field in ipairs(fields) do values[index] = object[field] end
    return unpack(values, 1, #fields)
end

function py.slice(object, from, to)
    if type(object) == "string" then return object:sub(from + 1, to or -1) end
    return { unpack(object, from + 1, to) }
end

function py.find(text, needle, from, to)
    if type(needle) == "number" then needle = string.char(needle) end
    local at = text:find(needle, (from or 0) + 1, true)
    return at and (not to or at - 1 + #needle <= to) and at - 1 or -1
end

function py.startswith(text, beginning, at) return text:sub((at or 0) + 1, (at or 0) + #beginning) == beginning end

function py.decode(text) return (text:gsub("[\128-\255]", function(one) return format("\\x%02x", byte(one)) end)) end
function py.rstrip(text, octets) return (text:gsub("[" .. octets:gsub("%z", "%%z") .. "]+$", "")) end

function py.partition(text, separator)
    local from, to = text:find(separator, 1, true)
    return from and { text:sub(1, from - 1), separator, text:sub(to + 1) } or { text, "", "" }
end

function py.repr(text)
    local inside = text:gsub("\n", "\\n"):gsub("[^ -~]", function(one) return format("\\x%02x", byte(one)) end)
    return "'" .. inside .. "'"
end

function py.hex(octets, separator)
    separator = separator or ""
    return (octets:gsub(".", function(one) return format("%02x", byte(one)) .. separator end):sub(1, -1 - #separator))
end

-- The unsigned integer of `size` octets from one on.
local function integer(octets, at, size, endianness)
    local value = 0
    if size == 4 then
        local a, b, c, d = byte(octets, at + 1, at + 4)
        if endianness == "big" then return ((a * 256 + b) * 256 + c) * 256 + d end
        return ((d * 256 + c) * 256 + b) * 256 + a
    end
    for index = 1, size do
        value = value * 256 + byte(octets, endianness == "big" and at + index or at + size + 1 - index)
    end
    return value
end

function py.uint(octets, endianness) return integer(octets, 0, #octets, endianness) end

function py.to_bytes(value, size, endianness)
    local octets = {}
    for index = 1, size do
        octets[endianness == "big" and size + 1 - index or index] = string.char(value % 256)
        value = floor(value / 256)
    end
    return table.concat(octets)
end

-- What Python's struct knows of integers of these sizes, in a row: how many octets they take, and how they are read.
function py.struct(endianness, widths)
    local function unpack_from(octets, at)
        local values = {}
        at = at or 0
        for index, width in ipairs(widths) do
            values[index] = integer(octets, at, width, endianness)
            at = at + width
        end
        return values
    end
    return { size = py.sum(widths, function(width) return width end), unpack_from = unpack_from }
end

function py.band(one, other) return bit.band(one, other) % 4294967296 end

-- A number without one of its bits.
function py.without(value, mask) return floor(value / mask) % 2 == 1 and value - mask or value end

-- A function of one argument that is asked once for each.
function py.cached(make)
    local known = {}
    return function(one)
        if known[one] == nil then known[one] = make(one) end
        return known[one]
    end
end

-- Lists

-- What a function makes of each element; nothing of those for which it gives nil.
function py.map(list, make)
    local made = {}
    for _, one in ipairs(list) do made[#made + 1] = make(one) end
    return made
end

function py.filter(test, list) return py.map(list, function(one) return test(one) and one or nil end) end

function py.first(list, make)
    for _, one in ipairs(list) do
        local made = make(one)
        if made ~= nil then return made end
    end
    return nil
end

function py.any(list, test)
    if type(list) == "string" then return list:find("[^%z]") ~= nil end
    return py.first(list, function(one) return test(one) or nil end) ~= nil
end

function py.all(list, test)
    if type(list) == "string" then
        for at = 1, #list do
            if not test(byte(list, at)) then return false end
        end
        return true
    end
    return py.first(list, function(one) return not test(one) or nil end) == nil
end

function py.sum(list, make)
    local total = 0
    for _, one in ipairs(list) do
        local made = make(one) or 0
        total = total + (made == true and 1 or made)
    end
    return total
end

function py.sorted(list, key)
    local sorted = py.map(list, function(one) return one end)
    table.sort(sorted, key and function(one, other) return key(one) < key(other) end)
    return sorted
end

function py.remove(list, element) table.remove(list, py.index(list, element) + 1) end
function py.max(list) return math.max(unpack(list)) end
function py.min(list) return list[1] and math.min(unpack(list)) end

function py.extend(list, more)
    for _, one in ipairs(more) do list[#list + 1] = one end
end

function py.concat(...)
    local whole = {}
    for index = 1, select("#", ...) do py.extend(whole, (select(index, ...))) end
    return whole
end

function py.range(from, to)
    if not to then from, to = 0, from end
    local list = {}
    for value = from, to - 1 do list[#list + 1] = value end
    return list
end

function py.index(list, element)
    for index, one in ipairs(list) do
        if one == element then return index - 1 end
    end
    return nil
end

-- Sets and dictionaries

function py.set(list)
    local set = {}
    for _, one in ipairs(list) do set[one] = true end
    return set
end

function py.copy(object)
    local copy = {}
    for key, value in pairs(object) do copy[key] = value end
    return copy
end

function py.isdisjoint(one, list) return not py.any(list, function(element) return one[element] end) end

function py.keys(object)
    local keys = {}
    for key in pairs(object) do keys[#keys + 1] = key end
    return keys
end

function py.items(object) return py.map(py.keys(object), function(key) return { key, object[key] } end) end

function py.dict(pairs_)
    local dict = {}
    for _, pair in ipairs(pairs_) do dict[pair[1]] = pair[2] end
    return dict
end

-- Texts

-- A number with its last digits in groups of three.
local function grouped(value)
    local digits = format("%.0f", value):reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (digits:gsub("^,", ""))
end

-- Where a C long has 32 bits Lua 5.2 formats no larger number.
local function hexadecimal(value)
    local low = value % 4294967296
    return low == value and format("%x", value) or format("%x%08x", floor(value / 4294967296), low)
end

-- A value in one of the forms that templates have: ",", "x" with zeros and a width before it, ".3f"; any of these, or
-- none, with ">" or "<" and a width before it.
function py.format(value, form)
    local side, size, rest = form:match("^([<>])(%d+)(.*)$")
    if side then return format("%" .. (side == "<" and "-" or "") .. size .. "s", py.format(value, rest)) end
    if form == "" then return py.str(value) end
    if form == "," then return grouped(value) end
    if form:sub(-1) == "f" then return format("%" .. form, value) end
    local prefix, width = form:match("^(#?)0?(%d*)x$")
    local digits = type(value) == "string" and value or hexadecimal(value)
    return (prefix == "#" and "0x" or "") .. ("0"):rep((tonumber(width) or 0) - #digits) .. digits
end

function py.str(value)
    if value == nil then return "None" end
    return type(value) == "number" and format("%.0f", value) or tostring(value)
end

-- The text of a template, with values by name.
function py.fill(template, values)
    return (template:gsub("{([%w_]+):?([^}]*)}", function(name, form)
        local value = values[name]
        if value == nil then value = values[name .. "_"] end -- the name is a word of Lua
        return py.format(value, form)
    end))
end

end
