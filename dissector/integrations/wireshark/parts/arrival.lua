-- Octets may be missing when later ones arrive. Where they are page contents nobody waits: the hole is noted and filled
-- or not. Where they are needed, what comes behind them is held until they come, or until it is certain that they were
-- not captured: they were acknowledged so long ago that reordering is over, or before the connection was closed; too
-- much is held; no packet follows.

local HELD_MAX = 8388608 -- octets that a flow holds at most
local HOLES_MAX = 1024 -- holes of a flow that may still be filled

local arrive, flush, note_ack
do

-- What the facts know of a flow's direction.
local function facts_of(flow)
    local number = flow.parser.migration.number
    return number and capture.migrations[number + 1][flow.parser.direction] or { gaps = {} }
end

local function add_hole(flow, index, from, to, item)
    local gap = { from = from, to = to, item = item }
    item.holes = (item.holes or 0) + 1
    table.insert(flow.holes, index, gap)
    table.insert(facts_of(flow).gaps, gap)
end

local function remove_hole(flow, index)
    local gap, gaps = table.remove(flow.holes, index), facts_of(flow).gaps
    gap.item.holes = gap.item.holes - 1
    for at = #gaps, 1, -1 do
        if gaps[at] == gap then table.remove(gaps, at) end
    end
end

-- Parts of a segment may fill holes in what was passed over before.
local function fill(flow, piece, to)
    local from, parser = piece.offset, flow.parser
    for index = #flow.holes, 1, -1 do
        local gap = flow.holes[index]
        if gap.to <= from then return end
        if gap.from < to then
            remove_hole(flow, index)
            if to < gap.to then add_hole(flow, index, to, gap.to, gap.item) end
            if gap.from < from then add_hole(flow, index, gap.from, from, gap.item) end
            join(flow)
            if not gap.item.last_frame then
                parser.newest = events.Position(piece.frame, piece.time)
            elseif gap.item.last_frame < piece.frame then
                gap.item.last_frame, gap.item.last_time = piece.frame, piece.time
            end
        end
    end
end

-- Page contents that are missing: their record goes on without them.
local function pass_hole(flow, to)
    local length, parser = to - flow.next, flow.parser
    add_hole(flow, #flow.holes + 1, flow.next, to, parser.item)
    if #flow.holes > HOLES_MAX then table.remove(flow.holes, 1) end
    flow.next, parser.offset, parser.skip = to, parser.offset + length, parser.skip - length
end

local function deliver(flow, piece)
    local known = flow.next - piece.offset
    if known >= piece.length then return end
    feed(flow, piece.source, known, piece.length - known, max(0, piece.captured - known), piece.frame, piece.time)
end

-- Delivers what is held, as far as nothing is missing before it.
local function drain(flow)
    local held = flow.held
    while held[1] and held[1].offset <= flow.next do
        local piece = table.remove(held, 1)
        flow.held_octets = flow.held_octets - #piece.source
        deliver(flow, piece)
    end
    if not held[1] and flow.waits then
        flow.waits, flow.acks = false, {}
        capture.waiting = capture.waiting - 1
    end
end

local function hold(flow, piece)
    if type(piece.source) ~= "string" then piece.source = octets_of(piece.source, 0, piece.captured) end
    table.insert(flow.held, above(flow.held, "offset", piece.offset), piece)
    flow.held_octets = flow.held_octets + #piece.source
    if not flow.waits then
        flow.waits = true
        capture.waiting = capture.waiting + 1
    end
end

-- What is missing before the first piece held was not captured.
local function close_gap(flow)
    lose(flow, flow.held[1].offset - flow.next)
    drain(flow)
end

-- Closes gaps of which it is certain.
local function judge_gap(flow, frame)
    if not flow.held[1] then return end
    local acks, acked = flow.acks, flow.parser.transport.acked
    if not acks[1] or acks[#acks].acked < acked then acks[#acks + 1] = { frame = frame, acked = acked } end
    while acks[1] and frame - acks[1].frame >= tcp_half_connection.REORDER_FRAMES do
        flow.settled = table.remove(acks, 1).acked
    end
    if flow.is_closing then flow.settled = acked end
    while flow.held[1] and (flow.held[1].offset <= flow.settled or flow.held_octets > HELD_MAX) do close_gap(flow) end
end

-- The sender of a flow has acknowledged the other one up to a sequence number; nil: the packet says nothing.
function note_ack(flow, ack, frame)
    local peer = flow.peer
    local transport = peer.parser.transport
    if ack and peer.base then transport.acked = max(transport.acked, unwrapped(peer, ack, peer.next)) end
    judge_gap(peer, frame)
end

-- A segment that is looked at for the first time.
function arrive(flow, piece)
    local last, parser = piece.offset + piece.length, flow.parser
    flow.last_frame = piece.frame
    if flow.holes[1] and piece.offset < flow.next then fill(flow, piece, min(last, flow.next)) end
    if last <= flow.next then return end
    if piece.offset > flow.next and not flow.held[1] and parser.item and piece.offset - flow.next < parser.skip then
        pass_hole(flow, piece.offset)
    end
    if piece.offset <= flow.next then
        deliver(flow, piece)
        drain(flow)
    else
        hold(flow, piece)
        judge_gap(flow, piece.frame)
    end
    mark_turn(flow, piece.frame)
end

-- No packet follows.
function flush()
    if capture.waiting == 0 then return end
    for _, uses in pairs(capture.by_ends) do
        for _, connection in ipairs(uses) do
            for _, flow in ipairs({ connection.one, connection.other }) do
                while flow.held[1] do close_gap(flow) end
            end
        end
    end
end

end
