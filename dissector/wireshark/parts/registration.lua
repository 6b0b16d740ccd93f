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

-- Takes in a packet that is looked at for the first time.
local function arrive(flow, tvb, pinfo, offset, length)
    local ahead = offset - flow.next
    local skipped = max(0, -ahead)
    flow.last_frame = pinfo.number
    if skipped >= length then return end
    if ahead > 0 then lose(flow, ahead) end
    if flow.skip == 0 or flow.direction == REVERSE then
        local ack = value_of(ack_raw)
        local peer = flow.peer
        if ack and peer.base then flow.acked = max(flow.acked, unwrapped(peer, ack, peer.next)) end
    end
    feed(flow, tvb, skipped, length - skipped, max(0, tvb:len() - skipped), pinfo.number, pinfo.rel_ts)
    mark_turn(flow, pinfo.number)
end

function xenmig.dissector(tvb, pinfo, root)
    local length = tvb:reported_len()
    if length == 0 then return 0 end
    local stream, seq = value_of(tcp_stream), value_of(seq_raw)
    local connection = connection_of(pinfo, stream, true)
    local flow = flow_of(connection, pinfo)
    local frame = pinfo.number
    local offset, found, ended
    if frame > flow.last_frame then
        offset = place_new(flow, pinfo, seq)
        if offset == flow.next and length < flow.skip and flow.item and tvb:len() == length then
            -- Page contents: nothing but their number matters.
            flow.next, flow.offset, flow.skip = flow.next + length, flow.offset + length, flow.skip - length
            flow.last_frame, flow.high_frame, flow.high_time = frame, frame, pinfo.rel_ts
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, flow.item, tvb)
            return length
        end
        capture.found, capture.ended = {}, {}
        arrive(flow, tvb, pinfo, offset, length)
        found, ended = capture.found, capture.ended
    else
        offset = place_of(flow, frame, seq)
    end
    if offset then
        local place = { tvb = tvb, from = offset, to = offset + length }
        show_frame(root, pinfo, flow, place, found, ended)
    end
    return length
end

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
