local TCP, TCP_HEADER, TCP_HEADER_MAX, IPV4_HEADER, IPV6_HEADER = 6, 20, 60, 20, 40
local LOWER_LAYERS = 128 -- octets of a frame in which TCP's header is looked for
local FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
local PORTS_OF_TCP = 2 -- pinfo.port_type
local SEQ_AT, ACK_AT, SIZE_AT, FLAGS_AT = 4, 8, 12, 13 -- in TCP's header (RFC 9293, 3.1)

-- A side closes the connection: what was asked for and has not come will not come.
local function note_closing(flow, flags)
    local migration = flow.parser.migration.number
    local ends_it = flow.parser.direction == "forward" and FIN + RST or RST
    if migration and bit.band(flags, ends_it) ~= 0 then capture.migrations[migration + 1].is_over = true end
end

-- TCP's header of the packet at hand: a Tvb and its place there.
local function header_at()
    local field = seq_raw()
    if not field then return nil end
    return field.source, field.offset - SEQ_AT
end

local function begins_tcp(tvb, at, pinfo)
    if at < 0 or at + TCP_HEADER > tvb:len() or tvb(at, 2):uint() ~= pinfo.src_port then return false end
    return tvb(at + 2, 2):uint() == pinfo.dst_port
end

local function tcp_size(tvb, at)
    return 4 * tvb(at + SIZE_AT, 1):bitfield(0, 4)
end

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

-- One segment that holds more than page contents, or that is looked at again. `segment`: tvb with the payload that was
-- captured, `length` of all of it, `seq` and `ack`.
local function dissect_segment(flow, segment, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > flow.last_frame then
        offset = place_new(flow, pinfo, segment.seq)
        capture.found, capture.ended = {}, {}
        note_ack(flow, segment.ack, frame)
        arrive(flow, {
            offset = offset,
            length = segment.length,
            source = segment.tvb,
            captured = segment.tvb:len(),
            frame = frame,
            time = time_of(pinfo),
        })
        flow.next_seq = flow.base and not flow.waits and (flow.base + flow.next) % TWO_32
        found, ended = capture.found, capture.ended
    else
        if pinfo.visited then flush() end
        offset = place_of(flow, frame, segment.seq)
    end
    if offset then
        local place = { tvb = segment.tvb, from = offset, to = offset + segment.length }
        show_frame(root, pinfo, flow, place, found, ended)
    end
end

-- An acknowledgement without payload: it may tell that octets were not captured, and what was held behind them goes on.
local function dissect_ack(flow, ack, flags, tvb, pinfo, root)
    note_closing(flow, flags)
    if not flow.peer.waits or pinfo.number <= flow.last_frame then return end
    flow.peer.is_closing = flow.peer.is_closing or bit.band(flags, FIN + RST) ~= 0
    capture.found, capture.ended = {}, {}
    note_ack(flow, ack, pinfo.number)
    local nowhere = { tvb = tvb, from = native.FOREVER, to = native.FOREVER }
    show_frame(root, pinfo, flow, nowhere, capture.found, capture.ended)
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
    local flow = flow_of(connection_of(pinfo, value_of(tcp_stream), true), pinfo)
    -- The road that nearly all packets take: the next page contents. Only how many they are matters. It is taken on the
    -- first pass alone, so whether anybody looks is asked once a record.
    local parser = flow.parser
    local skip, item = parser.skip, parser.item
    if length < skip and seq == flow.next_seq and frame > flow.last_frame and item and tvb:len() == length then
        flow.next, parser.offset, parser.skip = flow.next + length, parser.offset + length, skip - length
        flow.next_seq = (seq + length) % TWO_32
        flow.last_frame, flow.passed_frame, flow.passed_time = frame, frame, time_of(pinfo)
        if item.watched == nil then item.watched = is_watched(root) end
        show_contents(root, item, tvb, item.watched)
    else
        local source, at = header_at()
        local ack = source and source(at + ACK_AT, 4):uint()
        dissect_segment(flow, { tvb = tvb, length = length, seq = seq, ack = ack }, pinfo, root)
        if capture.asks and source then note_closing(flow, source(at + FLAGS_AT, 1):uint()) end
    end
    return length
end

-- A segment out of the octets of its frame, on a pass without a tree. `payload`: where TCP found it, if it did.
local function dissect_frame(tvb, pinfo, root, payload, told)
    local at, length = find_tcp(tvb, pinfo, payload, told)
    if not at and not payload then return end
    local seq, ack, flags
    if at then
        seq, ack, flags = tvb(at + SEQ_AT, 4):uint(), tvb(at + ACK_AT, 4):uint(), tvb(at + FLAGS_AT, 1):uint()
        payload = payload or at + tcp_size(tvb, at)
        if bit.band(flags, SYN + ACK) == SYN then forget_ends(pinfo) end
    end
    local connection = connection_of(pinfo, nil, told ~= nil)
    if not connection then return end
    local flow, captured = flow_of(connection, pinfo), min(length, tvb:len() - payload)
    if captured > 0 then
        local segment = { tvb = tvb(payload, captured):tvb(), length = length, seq = seq, ack = ack }
        dissect_segment(flow, segment, pinfo, root)
    else
        dissect_ack(flow, ack, flags, tvb, pinfo, root)
    end
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are found behind TCP's header. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(tvb, pinfo, root)
    local frame, deferred = pinfo.number, capture.deferred
    if frame == capture.handled then
        if deferred then
            capture.deferred = nil
            dissect_frame(tvb, pinfo, root, deferred.payload, deferred.length)
        end
        return
    end
    if not next(capture.by_ends) and capture.early_gaps == 0 then return end
    local length = value_of(tcp_len)
    if not length then
        if not pinfo.visited and pinfo.port_type == PORTS_OF_TCP then dissect_frame(tvb, pinfo, root) end
        return
    end
    if length == 0 and capture.waiting == 0 and not capture.asks then return end
    local stream = value_of(tcp_stream)
    local connection = capture.by_stream[stream]
    if not connection and (length == 0 or pinfo.visited or not is_waited_for(pinfo, stream)) then return end
    local source, at = header_at()
    local ack = source(at + ACK_AT, 4):uint()
    if length > 0 then
        local payload = at + tcp_size(source, at)
        local captured = min(length, source:len() - payload)
        if captured <= 0 then return end
        local segment = { tvb = source(payload, captured):tvb(), length = length, seq = value_of(seq_raw), ack = ack }
        if not connection then
            if captured < length or not recognised(segment.tvb, pinfo, stream, segment.seq) then return end
            pinfo.conversation = xenmig
            connection = capture.by_stream[stream]
        end
        dissect_segment(flow_of(connection, pinfo), segment, pinfo, root)
    else
        dissect_ack(flow_of(connection, pinfo), ack, source(at + FLAGS_AT, 1):uint(), tvb, pinfo, root)
    end
end
