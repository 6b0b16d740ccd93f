-- As `dissector/protocol/qemu.py` reads it, but for the description in JSON, which only says once more where sections
-- end: a section ends with its footer, or where the next one's header begins.

local qemu_stream
do

local FULL, START, CONFIGURATION, FOOTER, SECTION_MAX, DESCRIPTIONS_MAX = 4, 1, 7, "\126", 65536, 16

-- A number of four octets, of which the first is after `at`.
local function number_at(octets, at)
    local a, b, c, d = octets:byte(at + 1, at + 4)
    return d and ((a * 256 + b) * 256 + c) * 256 + d
end

-- The header of a section at an offset; nil if there is none whole.
local function header_at(octets, at, stop)
    local kind, length = octets:byte(at + 1), octets:byte(at + 6)
    if (kind ~= FULL and kind ~= START) or not length then return nil end
    local state = at + 6 + length + 8
    if state > stop then return nil end
    return {
        from = at,
        state = state,
        number = number_at(octets, at + 1),
        device = octets:sub(at + 7, at + 6 + length),
        instance = number_at(octets, state - 8),
        version = number_at(octets, state - 4),
    }
end

-- Whether that is to be believed where only the octets tell that a section ends.
local function is_header(octets, at, stop, number)
    local one = header_at(octets, at, stop)
    return one and one.number < SECTION_MAX and one.number > number and one.version < SECTION_MAX
        and one.instance < 2 ^ 24 and one.device:find("^[%w/][ -~]*$") ~= nil
end

-- Where the sections are over: before the description, if there is one.
local function end_of(octets)
    local places, found = {}, octets:find("\0\6", 1, true)
    while found do
        places[#places + 1] = found - 1
        found = octets:find("\0\6", found + 1, true)
    end
    for index = #places, max(#places - DESCRIPTIONS_MAX, 0) + 1, -1 do
        local at = places[index]
        local length = number_at(octets, at + 2)
        if length and octets:sub(at + 7, at + 7) == "{" and at + 6 + length <= #octets then return at + 1 end
    end
    return #octets
end

-- Where the state of a section ends, and whether a footer follows; nil if there is none though there have to be some.
local function state_end(octets, one, stop, has_footers)
    if has_footers ~= false then
        local footer = FOOTER .. octets:sub(one.from + 2, one.from + 5)
        local found = octets:find(footer, one.state + 1, true)
        while found and found + 4 <= stop do
            local after = found + 4
            local is_last = after == stop or (octets:byte(after + 1) == 0 and after + 1 == stop)
            if is_last or is_header(octets, after, stop, one.number) then return found - 1, true end
            found = octets:find(footer, found + 1, true)
        end
        if has_footers then return nil end
    end
    local found = octets:find("[\1\4]%z%z", one.state + 1)
    while found and found <= stop do
        if is_header(octets, found - 1, stop, one.number) then return found - 1, false end
        found = octets:find("[\1\4]%z%z", found + 1)
    end
    return octets:byte(stop) == 0 and stop - 1 or stop, false
end

-- The type of the machine, nil if it is not said, and the sections: device, instance, version, and their offsets.
function qemu_stream(octets)
    local version = octets:sub(1, 4) == "QEVM" and number_at(octets, 4)
    if version ~= 2 and version ~= 3 then return nil, {} end
    local at, stop, machine, found, has_footers = 8, end_of(octets), nil, {}, nil
    if octets:byte(9) == CONFIGURATION then
        machine = octets:sub(14, 13 + (number_at(octets, 9) or 0))
        at = 13 + #machine
        while at < stop and not is_header(octets, at, stop, -1) do at = at + 1 end
    end
    local one = header_at(octets, at, stop)
    while one do
        local to, is_footed = state_end(octets, one, stop, has_footers)
        if not to or (has_footers and not is_footed) then break end
        one.to, has_footers = to, is_footed
        found[#found + 1] = one
        at = to + (is_footed and 5 or 0)
        one = at > one.from and header_at(octets, at, stop) or nil
    end
    return machine, found
end

end
