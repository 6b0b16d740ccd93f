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

-- Whether a stream is known by what a packet holds: then both directions of the connection come here from now on, and
-- so do the packets before when they are looked at again.
local function is_migration(tvb, pinfo, root)
    if pinfo.visited then return false end
    if not recognised(tvb, pinfo, value_of(tcp_stream), value_of(seq_raw)) then return false end
    pinfo.conversation = xenmig
    xenmig.dissector(tvb, pinfo, root)
    return true
end

xenmig:register_heuristic("tcp", is_migration)
