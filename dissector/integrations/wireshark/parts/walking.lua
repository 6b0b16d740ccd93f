-- Follows a layout through a body. `visitor.field(field, at, size, value, context)` is called for each field,
-- `visitor.element(field, index, at, context)` for each element of an array: what it gives is the context of the fields
-- inside, which are left out if it gives nil. Gives the offset after the last field; nil if the octets are too few.
local walk
do

-- The elements that an array takes of the octets.
local function walk_array(field, octets_seen, at, big, visitor, context, values)
    local index, ending = 0, field.ending
    local count = field.by and values[field.by]
    while index ~= count do
        local last, after = {}, nil
        if at < #octets_seen then
            local inside = visitor.element and visitor.element(field, index, at, context)
            after = walk(field.elements, octets_seen, at, big, inside and visitor or {}, inside, last)
        end
        if not after and (field.by or ending) then return nil end
        if not after then return at end
        index, at = index + 1, after
        if ending and last[ending[1]] == ending[2] then return at end
    end
    return at
end

-- How many octets a field of unsettled length takes, and how many follow that belong to it but are no value.
local function size_of(field, octets_seen, at, values)
    if field.kind == "rest" then return #octets_seen - at, 0 end
    if field.kind == "cstring" then
        local nul = find(octets_seen, "\0", at + 1, true)
        return nul and nul - 1 - at, 1
    end
    return values[field.size] or field.size, 0
end

function walk(layout, octets_seen, at, big, visitor, context, values)
    values = values or {}
    for _, field in ipairs(layout) do
        if field.kind == "array" then
            at = walk_array(field, octets_seen, at, big, visitor, context, values)
            if not at then return nil end
        else
            local size, more = size_of(field, octets_seen, at, values)
            if not size or at + size + more > #octets_seen then return nil end
            local value = field.kind == "uint" and number(octets_seen, at, size, big) or nil
            if field.name then values[field.name] = value end
            if visitor.field then visitor.field(field, at, size, value, context) end
            at = at + size + more
        end
    end
    return at
end

end
