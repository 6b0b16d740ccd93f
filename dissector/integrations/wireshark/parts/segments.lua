local TCP, TCP_HEADER, TCP_HEADER_MAX, IPV4_HEADER, IPV6_HEADER = 6, 20, 60, 20, 40
local LOWER_LAYERS = 128 -- octets of a frame in which TCP's header is looked for
local PORTS_OF_TCP = 2 -- pinfo.port_type
local function begins_tcp(tvb, at, pinfo)
    if at < 0 or at + TCP_HEADER > tvb:len() or tvb(at, 2):uint() ~= pinfo.src_port then return false end
    return tvb(at + 2, 2):uint() == pinfo.dst_port
end

local function tcp_size(tvb, at) return 4 * tvb(at + SIZE_AT, 1):bitfield(0, 4) end

-- Where TCP's header is in a frame, and how many octets of payload follow it: found by its ports, and by its own
-- length, if it is known where the payload begins, or else by an IP header without options before it.
local function find_tcp(tvb, pinfo, payload, length)
    for size = TCP_HEADER, payload and TCP_HEADER_MAX or 0, 4 do
        local at = payload - size
        if begins_tcp(tvb, at, pinfo) and tcp_size(tvb, at) == size then return at, length end
    end
    if payload then return nil, length end
    for at = IPV4_HEADER, min(LOWER_LAYERS, tvb:len()) - TCP_HEADER do
        if begins_tcp(tvb, at, pinfo) then
            local four, six = at - IPV4_HEADER, at - IPV6_HEADER
            if tvb(four, 1):uint() == 0x45 and tvb(four + 9, 1):uint() == TCP then
                return at, tvb(four + 2, 2):uint() - IPV4_HEADER - tcp_size(tvb, at)
            elseif six >= 0 and tvb(six, 1):bitfield(0, 4) == 6 and tvb(six + 6, 1):uint() == TCP then
                return at, tvb(six + 4, 2):uint() - tcp_size(tvb, at)
            end
        end
    end
    return nil
end

local function piece_of(segment, pinfo)
    local captured = segment.tvb:len()
    return runtime_halves.Piece(0, segment.length, segment.tvb, captured, pinfo.number, time_of(pinfo))
end

-- One segment that holds more than page contents, or that is looked at again. `segment`: tvb with the payload that was
-- captured, `length` of all of it, `seq`, `ack` and `flags`.
local function dissect_segment(half, segment, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > half.last_frame then
        offset = half:take(piece_of(segment, pinfo), segment.seq, segment.ack, segment.flags or 0, origin_of)
        found, ended = capture.found, capture.ended
    else
        if pinfo.visited then settle() end
        offset = half:place_of(frame, segment.seq)
    end
    if offset then
        local place = { tvb = segment.tvb, from = offset, to = offset + segment.length, frame = frame }
        show_frame(root, pinfo, half, place, found, ended)
    end
end

local function dissect_ack(half, segment, tvb, pinfo, root)
    if pinfo.visited or not half:take_ack(segment.ack, segment.seq, segment.flags, pinfo.number) then return end
    local nowhere = { tvb = tvb, from = native.FOREVER, to = native.FOREVER, frame = pinfo.number }
    show_frame(root, pinfo, half, nowhere, capture.found, capture.ended)
end

function xenmig.dissector(tvb, pinfo, root)
    local frame, length, seq = pinfo.number, tvb:reported_len(), seq_raw()
    capture.handled = frame
    if not seq and not pinfo.visited then
        -- There is no tree on this pass, but the frame itself, which is there when all dissectors are done.
        capture.deferred = { payload = tvb:offset(), length = length }
        return length
    end
    seq = seq and seq()
    local stream = value_of(tcp_stream)
    local connection = connections.by_stream[stream] or connections:opened(pinfo, stream)
    local half = connection:half_of(pinfo)
    -- The road that nearly all packets take: the next page contents. Only how many they are matters. It is taken on the
    -- first pass alone, so whether anybody looks is asked once a record.
    local parser = half.parser
    local skip, item = parser.skip, parser.item
    local is_next = seq == half.next_seq and frame > half.last_frame and not half.is_withheld
    if is_next and length < skip and item and tvb:len() == length then
        half.next, parser.offset, parser.skip = half.next + length, parser.offset + length, skip - length
        half.next_seq = (seq + length) % TWO_32
        half.last_frame, half.passed_frame, half.passed_time = frame, frame, time_of(pinfo)
        local shown = half.shown[#half.shown]
        if shown.watched == nil then shown.watched = is_watched(root) end
        show_contents(root, shown, tvb, shown.watched)
    elseif length ~= (value_of(tcp_len) or length) then
        capture.handled = nil -- put together, or a part: what is in the packet itself is looked at, as if kept back
    else
        half.is_withheld = false
        local source, at = header_at()
        local segment = { tvb = tvb, length = length, seq = seq }
        if source then segment.ack, segment.flags = source(at + ACK_AT, 4):uint(), source(at + FLAGS_AT, 1):uint() end
        dissect_segment(half, segment, pinfo, root)
    end
    return length
end

-- A segment out of the octets of its frame, on a pass without a tree. `payload`: where TCP found it, if it did.
local function dissect_frame(tvb, pinfo, root, payload, told)
    if not told and not connections:known(pinfo) then return end
    local at, length = find_tcp(tvb, pinfo, payload, told)
    if not at and not payload then return end
    local seq, ack, flags
    if at then
        seq, ack, flags = tvb(at + SEQ_AT, 4):uint(), tvb(at + ACK_AT, 4):uint(), tvb(at + FLAGS_AT, 1):uint()
        payload = payload or at + tcp_size(tvb, at)
        if bit.band(flags, SYN + ACK) == SYN then connections:forget(pinfo) end
    end
    local connection = told and connections:opened(pinfo) or connections:known(pinfo)
    if not connection then return end
    local half, captured = connection:half_of(pinfo), min(length, tvb:len() - payload)
    if captured > 0 then
        local part = tvb(payload, captured):tvb()
        local segment = { tvb = part, length = length, seq = seq, ack = ack, flags = flags }
        dissect_segment(half, segment, pinfo, root)
    elseif at then
        dissect_ack(half, { seq = seq, ack = ack, flags = flags }, tvb, pinfo, root)
    end
end

-- Whether a stream is known by what a packet holds: then both directions of the connection come here from now on, and
-- so do the packets before when they are looked at again.
local function recognises(segment, pinfo, stream)
    if not connections:recognises(pinfo, stream, segment.seq, piece_of(segment, pinfo), origin_of) then return false end
    pinfo.conversation = xenmig
    return true
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are found behind TCP's header. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(tvb, pinfo, root)
    local deferred, hidden = capture.deferred, capture.hidden
    -- Of captures without Xen this is all that most packets cost.
    if not (connections.all[1] or connections.unfinished > 0 or deferred or hidden) then return end
    capture.deferred, capture.hidden = nil, nil
    local frame = pinfo.number
    if frame == capture.handled then
        if deferred then dissect_frame(tvb, pinfo, root, deferred.payload, deferred.length) end
        return
    end
    local length = value_of(tcp_len)
    if not length then
        if connections.all[1] and not pinfo.visited and pinfo.port_type == PORTS_OF_TCP then
            dissect_frame(tvb, pinfo, root)
        end
        return
    end
    if length == 0 and capture.waiting == 0 and not (fin() or rst()) then return end
    local stream = value_of(tcp_stream)
    local connection = connections.by_stream[stream]
    if not connection then
        if length == 0 or pinfo.visited then return end
        if hidden ~= frame and not connections:is_waited_for(pinfo, stream) then return end
    end
    local source, at = header_at()
    local seq, ack = value_of(seq_raw), source(at + ACK_AT, 4):uint()
    local flags = source(at + FLAGS_AT, 1):uint()
    if length > 0 then
        local payload = at + tcp_size(source, at)
        local captured = min(length, source:len() - payload)
        if captured <= 0 then return end
        local part = source(payload, captured):tvb()
        local segment = { tvb = part, length = length, seq = seq, ack = ack, flags = flags }
        if not connection then
            if captured < length or not recognises(segment, pinfo, stream) then return end
            connection = connections.by_stream[stream]
        end
        local half = connection:half_of(pinfo)
        half.is_withheld = true
        dissect_segment(half, segment, pinfo, root)
    else
        dissect_ack(connection:half_of(pinfo), { seq = seq, ack = ack, flags = flags }, tvb, pinfo, root)
    end
end
