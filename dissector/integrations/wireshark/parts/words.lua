-- The words that layouts are written in: each gives one field of a layout, its name, how it is read (`kind`), how many
-- octets it has (`size`, if fixed) and what it means (`doc`).

local HEADERS, LIBXC_RECORDS, LIBXL_RECORDS, XENOPS_RECORDS
do

-- An integer; `names` says what its values are called.
local function uint(size, name, doc, names)
    return { kind = "uint", size = size, name = name, doc = doc, names = names }
end

-- An integer that has to be zero.
local function reserved(size, name)
    return { kind = "uint", size = size, name = name, doc = "Reserved, zero", is_reserved = true }
end

-- An integer made of parts.
local function bits(size, name, doc, parts)
    return { kind = "uint", size = size, name = name, doc = doc, parts = parts }
end

-- `width` bits of such an integer, the lowest of them worth 2^shift.
local function part(name, shift, width, doc)
    return { name = name, shift = shift, width = width, doc = doc }
end

-- As many octets as `size` says: a number, or the name of an earlier field.
local function octet_string(size, name, doc)
    return { kind = "octets", size = size, name = name, doc = doc }
end

-- The same as text.
local function text(size, name, doc)
    return { kind = "text", size = size, name = name, doc = doc }
end

-- Text up to a NUL.
local function cstring(name, doc)
    return { kind = "cstring", name = name, doc = doc }
end

-- The octets up to the body's end.
local function rest(name, doc)
    return { kind = "rest", name = name, doc = doc }
end

-- Elements with a layout each, up to the body's end.
local function repeated(name, doc, elements)
    return { kind = "array", name = name, doc = doc, elements = elements }
end

-- As many of them as the earlier field `by` says.
local function counted(by, name, doc, elements)
    return { kind = "array", by = by, name = name, doc = doc, elements = elements }
end

-- Elements up to and with the one whose `field` is `value`.
local function up_to(field, value, name, doc, elements)
    return { kind = "array", ending = { field, value }, name = name, doc = doc, elements = elements }
end

local UINT = { [1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64" }
local HEXADECIMAL = { ["type"] = true, marker = true, ident = true, id = true, byteorder = true }

local function declare_layout(prefix, layout)
    local declared = {}
    for index, field in ipairs(layout) do
        local own = {}
        for key, value in pairs(field) do own[key] = value end
        local path = prefix .. (field.name and "." .. field.name or "")
        local label = field.name or path
        if field.kind == "array" and not field.elements[1].name then
            own.elements = declare_layout(path, field.elements)
        elseif field.kind == "array" then
            own.field = declare("string", path, label, base.NONE, field.doc)
            own.elements = declare_layout(path, field.elements)
        elseif field.kind == "uint" then
            local shown = HEXADECIMAL[field.name] and base.HEX or base.DEC_HEX
            own.field = declare(UINT[field.size], path, label, shown, field.names, nil, field.doc)
            if field.parts then
                own.parts = {}
                for place, one in ipairs(field.parts) do
                    local mask = (2 ^ one.width - 1) * 2 ^ one.shift
                    local name = path .. "." .. one.name
                    local bits_shown = declare(UINT[field.size], name, one.name, base.HEX, nil, mask, one.doc)
                    own.parts[place] = { name = one.name, shift = one.shift, width = one.width, field = bits_shown }
                end
            end
        elseif field.kind == "octets" or field.kind == "rest" then
            own.field = declare("bytes", path, label, base.SPACE, field.doc)
        else
            own.field = declare("string", path, label, base.NONE, field.doc)
        end
        declared[index] = own
    end
    return declared
end

-- A header or record with its fields: `xenmig.<its name in small letters>.<path of the field>`.
local function declare_spec(spec)
    local prefix = spec.name:lower():gsub("[ -]", "_")
    spec.layout = declare_layout(prefix, spec.body or {})
    if spec.optional_data then spec.optional = declare_layout(prefix, spec.optional_data) end
    return spec
end

-- What a header is: its layer, its octets, its layout, and that of optional data that belong to it.
local function header(name, layer, size, body, optional_data)
    return declare_spec({ name = name, layer = layer, size = size, body = body, optional_data = optional_data })
end

-- What a record is: its layer, number and name; `shape`: what the length of its body can be; its layout.
local function record(layer, number, name, shape, body, more)
    local spec = { layer = layer, type = number, name = name, shape = shape, body = body, direction = FORWARD }
    for key, value in pairs(more or {}) do spec[key] = value end
    return declare_spec(spec)
end

local function by_name(specs)
    local named = {}
    for _, spec in ipairs(specs) do named[spec.name] = spec end
    return named
end

local function by_type(...)
    local numbered = {}
    for _, specs in ipairs({ ... }) do
        for _, spec in ipairs(specs) do numbered[spec.type] = spec end
    end
    return numbered
end

