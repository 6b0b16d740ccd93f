local LOST = {} -- what a parser is stopped with where the octets it waits for were not captured
local FOREVER = 2 ^ 53

local function resume(flow, lost)
    local parser = flow.parser
    if not parser then return end
    local ok, wanted = coroutine.resume(parser, lost)
    if not ok then error(wanted, 0) end
    if coroutine.status(parser) == "dead" then
        flow.parser, flow.buffer, flow.marks, flow.skip = nil, "", {}, FOREVER
    else
        flow.wanted = wanted
    end
end

-- Lets the parser go on while what it wants is there.
local function run(flow)
    while flow.parser and flow.skip == 0 and #flow.buffer >= flow.wanted do
        resume(flow)
    end
end

-- The next `length` octets are missing. The parser may hear of it more than once: what it makes of the octets before
-- the hole can begin another record that the hole is in.
local function hole(flow, length)
    local after = flow.offset + #flow.buffer + length
    while flow.parser do
        local missing = after - flow.offset - #flow.buffer
        if missing <= 0 then return end
        flow.damaged = true
        if missing > flow.skip then
            resume(flow, after)
        else
            flow.skip = flow.skip - missing
            flow.offset = flow.offset + missing
        end
        run(flow)
    end
end

-- `length` octets of a packet from one on: `source` is a Tvb, or a string where they had to wait.
local function octets_of(source, from, length)
    if length <= 0 then return "" end
    if type(source) == "string" then return source:sub(from + 1, from + length) end
    return source:raw(from, length)
end

-- The next `length` octets, of which `captured` stand in `source` from `from` on.
local function feed(flow, source, from, length, captured, frame, time)
    flow.next = flow.next + length
    while flow.skip > 0 do
        local passed = min(flow.skip, length)
        flow.skip = flow.skip - passed
        flow.offset = flow.offset + passed
        if frame > flow.high_frame then flow.high_frame, flow.high_time = frame, time end
        if captured < passed then flow.damaged, flow.torn = true, true end
        if flow.skip > 0 then return end
        from = from + passed
        captured = max(0, captured - passed)
        length = length - passed
        run(flow)
        if length == 0 then return end
    end
    if not flow.parser then return end
    local seen = octets_of(source, from, min(length, captured))
    flow.marks[#flow.marks + 1] = { offset = flow.offset + #flow.buffer, frame = frame, time = time }
    flow.buffer = flow.buffer .. seen
    if #flow.buffer >= flow.wanted then run(flow) end
    if #seen < length then
        flow.torn = true
        hole(flow, length - #seen)
    end
end

local function lose(flow, length)
    if flow.skip < FOREVER then flow.gaps = flow.gaps + 1 end
    flow.next = flow.next + length
    hole(flow, length)
end

-- What parsers call

-- Until so many octets are in the buffer.
local function wait(flow, length)
    while #flow.buffer < length do
        local lost = coroutine.yield(length)
        if lost then
            flow.resume = lost
            error(LOST, 0)
        end
    end
end

-- The same; false if none follow those that are.
local function wait_or_stop(flow, length)
    while #flow.buffer < length do
        if coroutine.yield(length) then return false end
    end
    return true
end

local function consume(flow, length)
    flow.buffer = flow.buffer:sub(length + 1)
    flow.offset = flow.offset + length
    local marks = flow.marks
    while marks[1] and marks[1].offset < flow.offset do
        local mark = marks[1]
        if mark.frame > flow.high_frame then flow.high_frame, flow.high_time = mark.frame, mark.time end
        if marks[2] and marks[2].offset <= flow.offset then
            table.remove(marks, 1)
        else
            mark.offset = flow.offset
        end
    end
    if flow.buffer == "" then flow.marks = {} end
end

-- Takes octets that are in the buffer.
local function take(flow, length)
    local taken = flow.buffer:sub(1, length)
    consume(flow, length)
    return taken
end

-- Passes over the next octets, whether they are there yet or not.
local function leave(flow, length)
    local here = min(length, #flow.buffer)
    consume(flow, here)
    flow.skip = length - here
    while flow.skip > 0 do
        local lost = coroutine.yield(0)
        if lost then
            flow.resume = lost
            error(LOST, 0)
        end
    end
end

-- Goes on at a later offset.
local function jump(flow, offset)
    flow.buffer, flow.marks, flow.skip, flow.offset = "", {}, 0, offset
end
