xenmig.fields = all_fields
xenmig.experts = all_experts

xenmig.prefs.ports = Pref.range("TCP ports", "", "Ports that carry migrations, however they begin", 65535)
xenmig.prefs.lines = Pref.uint("Lines of a list", settings.lines,
    "How many elements or runs of a list a frame shows at most; 0: all of them")

local tcp_ports = DissectorTable.get("tcp.port")
local ports_taken

function xenmig.prefs_changed()
    settings.lines = xenmig.prefs.lines
    if ports_taken and ports_taken ~= "" then tcp_ports:remove(ports_taken, xenmig) end
    ports_taken = xenmig.prefs.ports
    if ports_taken ~= "" then tcp_ports:add(ports_taken, xenmig) end
end

tcp_ports:add_for_decode_as(xenmig)

-- Forgets the capture that was open before.
function xenmig.init()
    capture = new_capture()
end

-- One segment that holds more than page contents, or that is looked at again.
local function dissect_segment(flow, tvb, length, seq, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > flow.last_frame then
        offset = place_new(flow, pinfo, seq)
        capture.found, capture.ended = {}, {}
        note_ack(flow, frame)
        local piece = { offset = offset, length = length, source = tvb, captured = tvb:len(), frame = frame }
        piece.time = pinfo.rel_ts
        arrive(flow, piece)
        found, ended = capture.found, capture.ended
    else
        if pinfo.visited then flush() end
        offset = place_of(flow, frame, seq)
    end
    if offset then
        local place = { tvb = tvb, from = offset, to = offset + length }
        show_frame(root, pinfo, flow, place, found, ended)
    end
end

function xenmig.dissector(tvb, pinfo, root)
    local frame, length = pinfo.number, tvb:reported_len()
    local stream, seq = value_of(tcp_stream), value_of(seq_raw)
    local flow = flow_of(connection_of(pinfo, stream, true), pinfo)
    capture.handled = frame
    -- The road that nearly all packets take: the next page contents. Only how many they are matters.
    local skip = flow.skip
    if length < skip and frame > flow.last_frame and seq == flow.next_seq and flow.item and tvb:len() == length then
        flow.next, flow.offset, flow.skip = flow.next + length, flow.offset + length, skip - length
        flow.next_seq = (seq + length) % TWO_32
        flow.last_frame, flow.high_frame = frame, frame
        show_contents(root, flow.item, tvb)
    else
        dissect_segment(flow, tvb, length, seq, pinfo, root)
        flow.next_seq = flow.base and not flow.waits and (flow.base + flow.next) % TWO_32
    end
    return length
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are found behind TCP's header. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(_, pinfo, root)
    local frame = pinfo.number
    if frame == capture.handled or not next(capture.by_stream) then return end
    local length = value_of(tcp_len)
    if not length or (length == 0 and capture.waiting == 0) then return end
    local connection = capture.by_stream[value_of(tcp_stream)]
    if not connection then return end
    local flow = flow_of(connection, pinfo)
    if length > 0 then
        local seq = seq_raw()
        local source, header = seq.source, seq.offset - 4
        local payload = header + 4 * source(header + 12, 1):bitfield(0, 4)
        local captured = min(length, source:len() - payload)
        if captured <= 0 then return end
        dissect_segment(flow, source(payload, captured):tvb(), length, seq(), pinfo, root)
        flow.next_seq = flow.base and not flow.waits and (flow.base + flow.next) % TWO_32
    elseif flow.peer.waits and frame > flow.last_frame then
        note_ack(flow, frame)
        flow.peer.next_seq = nil
    end
end

register_postdissector(kept_back)

-- Remembers where a connection's octets begin that may turn out to carry a migration: offsets count from there.
local function note_first(stream, pinfo)
    local known = capture.first_seq[stream]
    if not known then
        if capture.first_seq_count == FIRST_SEQ_MAX then capture.first_seq, capture.first_seq_count = {}, 0 end
        known = {}
        capture.first_seq[stream], capture.first_seq_count = known, capture.first_seq_count + 1
    end
    local sender = sender_of(pinfo)
    known[sender] = known[sender] or value_of(seq_raw)
end

-- Whether a segment holds the beginning of a stream: then both directions of the connection come here from now on.
local function is_migration(tvb, pinfo, root)
    if tvb:len() == 0 then return false end
    local stream = value_of(tcp_stream)
    if stream then note_first(stream, pinfo) end
    if not find_magic(tvb:raw(), nil, true) then return false end
    pinfo.conversation = xenmig
    xenmig.dissector(tvb, pinfo, root)
    return true
end

xenmig:register_heuristic("tcp", is_migration)
