-- A flow is one direction of a connection; `next` is the offset of what arrives next.

-- Each field that is asked for costs in every packet: what else TCP's header says is read next to `tcp.seq_raw`.
local seq_raw, tcp_stream, tcp_len = Field.new("tcp.seq_raw"), Field.new("tcp.stream"), Field.new("tcp.len")
local tcp_seq, tcp_completeness = Field.new("tcp.seq"), Field.new("tcp.completeness")
local HANDSHAKE = 3 -- in tcp.completeness: a SYN of either side was seen

-- The value of a field of the packet at hand. Nil on a pass for which Wireshark builds no tree, as the first one of
-- `tshark -2` without a filter.
local function value_of(extractor)
    local found = extractor()
    return found and found()
end

-- The first index of a list, sorted by `key`, whose key is above `value`.
local function above(list, key, value)
    local low, high = 1, #list + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if list[middle][key] > value then high = middle else low = middle + 1 end
    end
    return low
end

local function new_flow(parser)
    local flow = {
        parser = parser,
        items = {},
        next = 0,
        parts = {}, -- of a long list, which come before the parser sees them
        waiting_octets = 0, -- of these
        split = {}, -- beginnings of entries that a segment's end cuts in two, by the offset of the rest
        last_frame = 0,
        turns = {},
        holes = {},
        held = {},
        held_octets = 0,
        acks = {}, -- the other flow's, while this one waits
        settled = 0, -- what was acknowledged so long ago that reordering is over
    }
    parser.owner, parser.transport = flow, parser_direction.NoTransport()
    return flow
end

-- What tells the two directions of a connection apart.
local function sender_of(pinfo)
    return pinfo.src_port ~= pinfo.dst_port and pinfo.src_port or tostring(pinfo.src)
end

local function new_connection(pinfo)
    local function number() return #capture.migrations end
    local ends = events.Flow(tostring(pinfo.src), tostring(pinfo.dst))
    local one, other = py.unpack(parser_package.connect(parser_conversation.Conversation(ends, emit, number)))
    local connection = { one = new_flow(one), other = new_flow(other), first_frame = pinfo.number }
    connection.one.peer, connection.other.peer = connection.other, connection.one
    connection.one.connection, connection.other.connection = connection, connection
    connection.sender, connection.has_ports = sender_of(pinfo), pinfo.src_port ~= pinfo.dst_port
    return connection
end

local function ends_of(pinfo)
    local one, other = pinfo.src_port .. " " .. tostring(pinfo.src), pinfo.dst_port .. " " .. tostring(pinfo.dst)
    return one < other and one .. " " .. other or other .. " " .. one
end

-- The connection that a packet belongs to: by Wireshark's own number of it, or, where that is not to be had, by
-- addresses and ports, of which the latest use before the packet counts.
local function connection_of(pinfo, stream, create)
    local known = stream and capture.by_stream[stream]
    if known then return known end
    local ends = ends_of(pinfo)
    local uses = capture.by_ends[ends]
    for index = uses and #uses or 0, 1, -1 do
        local use = uses[index]
        local is_of_stream = stream == nil or use.stream == nil or use.stream == stream
        if use.first_frame <= pinfo.number and is_of_stream and not (use.is_over and create and not stream) then
            if stream then
                use.stream = stream
                capture.by_stream[stream] = use
            end
            return use
        end
    end
    if not create then return nil end
    local connection = new_connection(pinfo)
    connection.stream = stream
    if stream then capture.by_stream[stream] = connection end
    capture.by_ends[ends] = uses or {}
    table.insert(capture.by_ends[ends], connection)
    return connection
end

-- A connection with the addresses and ports of a packet begins: the one before has ended.
local function forget_ends(pinfo)
    local uses = capture.by_ends[ends_of(pinfo)]
    if uses then uses[#uses].is_over = true end
end

-- The flow of a connection that a packet belongs to.
local function flow_of(connection, pinfo)
    local sender = connection.has_ports and pinfo.src_port or tostring(pinfo.src)
    return sender == connection.sender and connection.one or connection.other
end

local HALF, TURN = 2147483648, 1073741824

-- The offset of a sequence number: the one nearest to `near` (RFC 9293, 3.4).
local function unwrapped(flow, seq, near)
    local distance = (seq - flow.base - near) % TWO_32
    if distance >= HALF then distance = distance - TWO_32 end
    return near + distance
end

-- The sequence number of a direction's first octet, and whether that is certain: where a SYN was captured TCP counts
-- from it, if it is not told to show no relative numbers. Else it is the first that is seen.
local function origin_of(seq)
    local relative = value_of(tcp_seq)
    if not relative or relative == seq or bit.band(value_of(tcp_completeness) or 0, HANDSHAKE) == 0 then
        return seq, false
    end
    return (seq - relative + 1) % TWO_32, true
end

-- The offset of the first octet of a packet that was captured before and is looked at again.
local function place_of(flow, frame, seq)
    local known = flow.placed and flow.placed[frame]
    if known then return known end
    if not seq or not flow.base then return nil end
    local near = 0
    for index = #flow.turns, 1, -1 do
        if flow.turns[index].frame <= frame then
            near = flow.turns[index].offset
            break
        end
    end
    return unwrapped(flow, seq, near)
end

-- The same of a packet that is looked at for the first time. Without a sequence number it is taken for the next one:
-- TCP hands packets over in order, and where some are missing no header is where it should be.
local function place_new(flow, pinfo, seq)
    if not seq then
        flow.placed = flow.placed or {}
        flow.placed[pinfo.number] = flow.next
        return flow.next
    end
    if not flow.base then
        if flow.next == 0 then
            flow.base, flow.has_origin = origin_of(seq)
        else
            flow.base = (seq - flow.next) % TWO_32
        end
    end
    return unwrapped(flow, seq, flow.next)
end

-- Lets places be found later, without a mark for every packet: one each 1 GiB is near enough to tell turns apart.
local function mark_turn(flow, frame)
    local last = flow.turns[#flow.turns]
    if flow.next - (last and last.offset or 0) >= TURN then
        flow.turns[#flow.turns + 1] = { frame = frame, offset = flow.next }
    end
end

-- Seconds from a moment that is one for the whole capture. A time reference that a user sets moves the moment that
-- `rel_ts` counts from; `abs_ts` counts from 1970, for which a number has no nanoseconds left.
local function time_of(pinfo)
    local since, epoch = pinfo.rel_ts, pinfo.abs_ts
    capture.epoch = capture.epoch or epoch - since
    local time = epoch - capture.epoch
    return math.abs(time - since) < 1e-5 and since or time
end
