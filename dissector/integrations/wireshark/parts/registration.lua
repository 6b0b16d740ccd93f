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

-- Whether any magic stands in octets, and may begin a stream there.
local function begins_stream(octets)
    local place = { offset = 0, searched = 0, buffer = octets }
    return parser_resync._magic(place, nil) ~= nil
end

-- Whether a segment holds the beginning of a stream: then both directions of the connection come here from now on.
local function is_migration(tvb, pinfo, root)
    if tvb:len() == 0 then return false end
    local stream = value_of(tcp_stream)
    if stream then note_first(stream, pinfo) end
    if not begins_stream(tvb:raw()) then return false end
    pinfo.conversation = xenmig
    xenmig.dissector(tvb, pinfo, root)
    return true
end

xenmig:register_heuristic("tcp", is_migration)
