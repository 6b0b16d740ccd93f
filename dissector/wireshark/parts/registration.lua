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

-- One segment, on any pass: `length` octets of payload, of which `tvb` holds those that were captured.
local function dissect_segment(flow, tvb, length, seq, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > flow.last_frame then
        offset = place_new(flow, pinfo, seq)
        local is_whole = tvb:len() == length
        if offset == flow.next and length < flow.skip and flow.item and is_whole and not flow.waits then
            -- Page contents: nothing but their number matters.
            flow.next, flow.offset, flow.skip = flow.next + length, flow.offset + length, flow.skip - length
            flow.last_frame, flow.high_frame, flow.high_time = frame, frame, pinfo.rel_ts
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, flow.item, tvb)
            return
        end
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
    local length = tvb:reported_len()
    if length == 0 then return 0 end
    capture.handled = pinfo.number
    local connection = connection_of(pinfo, value_of(tcp_stream), true)
    dissect_segment(flow_of(connection, pinfo), tvb, length, value_of(seq_raw), pinfo, root)
    return length
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are taken from TCP's own field. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(_, pinfo, root)
    local frame = pinfo.number
    if capture.handled == frame or not next(capture.by_stream) then return end
    local connection = capture.by_stream[value_of(tcp_stream)]
    if not connection then return end
    local flow, payload = flow_of(connection, pinfo), tcp_payload()
    if payload then
        dissect_segment(flow, payload.range:tvb(), value_of(tcp_len), value_of(seq_raw), pinfo, root)
    elseif flow.peer.waits and frame > flow.last_frame then
        note_ack(flow, frame)
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
