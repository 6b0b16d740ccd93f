-- What of the parser and the rules is by hand: octets to numbers, layouts, lists of pages, sets of pfns.

local byte, floor, format, max, min, uint = string.byte, math.floor, string.format, math.max, math.min, py.uint

local TWO_32, ENTRY_SIZE = 4294967296, 8
local native = { FOREVER = 2 ^ 53 }

-- What Wireshark does not judge, or does not join.
function native.nothing() return {} end

native.Nothing = py.class("Nothing")
function native.Nothing.of() return nil end
function native.Nothing.forget() end

-- An entry of a pages record: bits 63 to 60 page type, 59 to 52 reserved, 51 to 0 pfn. Gives pfn, type, reserved.
local function entry_at(octets, at, big)
    local a, b, c, d, e, f, g, h = byte(octets, at + 1, at + ENTRY_SIZE)
    if not big then a, b, c, d, e, f, g, h = h, g, f, e, d, c, b, a end
    local pfn = (((((b % 16 * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
    return pfn, floor(a / 16), a % 16 * 16 + floor(b / 16)
end

-- Calls visit(index, pfn, type, reserved) for each whole entry; goes on until that gives something, and gives it.
local function each_entry(octets, endianness, visit)
    for index = 0, floor(#octets / ENTRY_SIZE) - 1 do
        local found = visit(index, entry_at(octets, index * ENTRY_SIZE, endianness == "big"))
        if found ~= nil then return found end
    end
    return nil
end

-- The entries of a pages record as runs.
local function runs_of(octets, endianness)
    local runs, latest, following = {}, nil, nil
    each_entry(octets, endianness, function(_, pfn, kind)
        if latest and kind == latest.type and pfn == following then
            latest.length = latest.length + 1
        else
            latest = events.Run(pfn, 1, kind)
            runs[#runs + 1] = latest
        end
        following = pfn + 1
    end)
    return runs
end

local listed = {} -- the list that was asked for last: the packet that ends a list asks more than once

function native.page_runs(body, endianness)
    if listed.body ~= body or listed.endianness ~= endianness then
        local count = #body < 8 and 0 or uint(body:sub(1, 4), endianness)
        local runs = runs_of(body:sub(9, 8 + ENTRY_SIZE * count), endianness)
        listed = { body = body, endianness = endianness, runs = runs }
    end
    return listed.runs
end

function native.backed_pages(octets, endianness, is_reverse)
    local backed = 0
    local is_wrong = each_entry(octets, endianness, function(_, pfn, kind, reserved)
        if protocol_libxc.RESERVED_PAGE_TYPES[kind] or reserved ~= 0 or pfn >= PFN_LIMIT then return true end
        if is_reverse and kind ~= 0 then return true end
        backed = backed + (protocol_libxc.UNBACKED[kind] and 0 or 1)
    end)
    return not is_wrong and backed or nil
end

function native.first_reserved(octets, endianness)
    return each_entry(octets, endianness, function(index, _, _, reserved)
        if reserved == 0 then return nil end
        local entry = octets:sub(index * ENTRY_SIZE + 1, (index + 1) * ENTRY_SIZE)
        return { index, py.hex(endianness == "big" and entry or entry:reverse(), "") }
    end)
end

-- Where eight octets may be a record header.
function native.candidates(octets, endianness)
    local found, at = {}, octets:find(CANDIDATES[endianness])
    while at do
        found[#found + 1] = at - 1
        at = octets:find(CANDIDATES[endianness], at + 1)
    end
    return found
end

-- What a request's head says.
function native.xenops_request(head)
    local path = head:match("^PUT /services/xenops/(%S+) HTTP/1%.[01]\r\n")
    path = path and path:gsub("%?.*$", "")
    local route = path and (path:match("^(migrate/%l+)/[^/]+$") or path:match("^([^/]+)/[^/]+$"))
    local role = route and protocol_xenops.ROUTES[route]
    if not role then return nil end
    local cookies = {}
    for line in head:gmatch("\n[Cc][Oo][Oo][Kk][Ii][Ee]:([^\n]*)") do
        for name in line:gmatch("([^;=%s]+)%s*=") do cookies[name] = true end
    end
    local has_own_memory = role == "migration" and cookies.mem_migration ~= nil
    return { role = role, has_own_memory = has_own_memory, is_compressed = cookies.compress ~= nil }
end

-- Layouts

function native.rows_of(body) return body end
function native.reserved_of(body) return body.reserved or {} end
function native.fixed(layout) return { { size = layout.body.size } } end

-- A number as far as it is one: 64 bits are hexadecimal digits.
function native.integer(octets, endianness)
    if #octets < 8 then return uint(octets, endianness) end
    return py.hex(endianness == "big" and octets or octets:reverse(), "")
end

-- Octets

-- Where octets that match a pattern stand first; -1 if nowhere.
function native.place_of(pattern, octets, from, to)
    local at, last = octets:find(pattern:sub(2), from + 1)
    return at and last <= to and at - 1 or -1
end

-- The digits of a big-endian number of up to 64 bits.
function native.decimal(octets, is_signed)
    if #octets == 8 then
        return tostring((is_signed and Int64 or UInt64).new(uint(octets:sub(5), "big"), uint(octets:sub(1, 4), "big")))
    end
    local number = uint(octets, "big")
    return py.str(is_signed and byte(octets) > 127 and number - 256 ^ #octets or number)
end

-- JSON

local JSON_DEPTH, BLANK = 500, "^[ \t\n\r]*()"
local OBJECT, LIST = { _class = "dict" }, { _class = "list" }
local WORDS = { ["true"] = false, ["false"] = false, null = false }
local value_at

-- The elements of an object or a list up to what closes it, and the place behind that.
local function elements_at(text, at, depth, class, close)
    local found, count = setmetatable({}, class), 0
    local key, value, sign
    at = text:match(BLANK, at)
    if text:sub(at, at) == close then return found, at + 1 end
    repeat
        count, at = count + 1, text:match(BLANK, at)
        key = count
        if class == OBJECT then
            key, at = text:match('^"([^"\1-\31]*)"[ \t\n\r]*:()', at)
            if not key then return nil end
        end
        value, at = value_at(text, at, depth)
        if value == nil then return nil end
        found[key], sign, at = value, text:match("^[ \t\n\r]*(.?)()", at)
    until sign ~= ","
    if sign == close then return found, at end
end

-- The value at a place, and the place behind it; nil if there is none. What is no object, no list, no text and no whole
-- number is false.
function value_at(text, at, depth)
    at = text:match(BLANK, at)
    local first = text:sub(at, at)
    if depth > JSON_DEPTH then return nil end
    if first == "{" then return elements_at(text, at + 1, depth + 1, OBJECT, "}") end
    if first == "[" then return elements_at(text, at + 1, depth + 1, LIST, "]") end
    if first == '"' then return text:match('^"([^"\1-\31]*)"()', at) end
    local word, after = text:match("^(%a+)()", at)
    if word then return WORDS[word], after end
    local digits, behind = text:match("^(-?%d+)()", at)
    if not digits or digits:find("^-?0%d") then return nil end
    after = text:match("^%.%d+()", behind) or behind
    after = text:match("^[eE][+-]?%d+()", after) or after
    return after == behind and tonumber(digits), after
end

-- What a text of JSON without escapes says; nil if it is none.
function native.described_by(text)
    local found, after = value_at(text, 1, 0)
    return found and not text:find("[^ \t\n\r]", after) and found or nil
end

-- A set of pfns, 32 to a word.
native.PfnSet = py.class("PfnSet")

function native.PfnSet:_init()
    self.count, self.words, self.overflow = 0, {}, false
end

function native.PfnSet:contains(pfn)
    local place = pfn % 32
    return bit.band(self.words[(pfn - place) / 32] or 0, bit.lshift(1, place)) ~= 0
end

-- Adds so many pfns from one on; how many were new.
function native.PfnSet:add_run(first, count)
    local words, before = self.words, self.count
    for pfn = first, first + count - 1 do
        local place = pfn % 32
        local word, mask = (pfn - place) / 32, bit.lshift(1, place)
        local known = words[word] or 0
        if bit.band(known, mask) == 0 then
            words[word] = bit.bor(known, mask)
            self.count = self.count + 1
        end
    end
    return self.count - before
end

-- Whether pages are missing at the end: that only the end can tell, which nobody knows here.
function native.PfnSet:count_common() return self.count end

-- The first pfn of a run that is in the set, or that is not.
function native.PfnSet:first_of_run(first, count, present)
    for pfn = first, first + count - 1 do
        if self:contains(pfn) == present then return pfn end
    end
end

-- The line of text of a header or record; empty where a field of it was not captured.
function native.summary_of(record)
    local spec = record.spec
    local is_known, text = pcall(function()
        local values = runtime_layouts.values_of(spec.body, record.body, record.endianness)
        return (spec.summary:gsub("{([^:}]+):?([^:}]*):?([^}]*)}", function(path, form, words)
            return protocol_summaries._field(values, path, form ~= "" and form or nil, words)
        end))
    end)
    return is_known and text or ""
end

-- Octets of a packet: of a Tvb, or of a string where they had to wait.
function native.octets_of(source, from, length)
    if length <= 0 then return "" end
    return type(source) == "string" and source:sub(from + 1, from + length) or source:raw(from, length)
end

-- How many of a list, in the order of `key`, have one that is not above a value.
function native.above(list, key, value)
    local low, high = 1, #list + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if list[middle][key] > value then high = middle else low = middle + 1 end
    end
    return low - 1
end

-- The rules. What calls one gives a template, if it is not the rule's only one, and the values in it.
local RULE, VIOLATION = {}, {}

function VIOLATION.__call(rule, template, values)
    return rules_rule.Violation(rule, py.fill(template or rule.message, values or {}))
end
