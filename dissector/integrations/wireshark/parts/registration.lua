xenmig.fields = all_fields
xenmig.experts = all_experts

xenmig.prefs.ports = Pref.range("TCP ports", "", "Ports that carry migrations, however they begin", 65535)
xenmig.prefs.lines = Pref.uint("Lines of a list", settings.lines,
    "How many elements or runs of a list a frame shows at most; 0: all of them")

local PORTS = 65536
local tcp_ports = DissectorTable.get("tcp.port")
local ports_taken

function xenmig.prefs_changed()
    settings.lines = xenmig.prefs.lines
    if ports_taken and ports_taken ~= "" then tcp_ports:remove(ports_taken, xenmig) end
    ports_taken = xenmig.prefs.ports
    if ports_taken ~= "" then tcp_ports:add(ports_taken, xenmig) end
end

tcp_ports:add_for_decode_as(xenmig)

-- Of a connection that is ignored, by its ports: the addresses of the latest one. On a pass without a tree Wireshark
-- has no number for a connection, and to make words of addresses takes longer than to compare them.
local ignored = { count = 0 }

local function is_ignored(pinfo)
    local one = ignored[pinfo.src_port * PORTS + pinfo.dst_port]
    return one and one.src == pinfo.src and one.dst == pinfo.dst
end

local function ignore(pinfo)
    if ignored.count >= runtime_connections.FOLLOWED_MAX then ignored = { count = 0 } end
    ignored.count = ignored.count + 1
    ignored[pinfo.src_port * PORTS + pinfo.dst_port] = { src = pinfo.src, dst = pinfo.dst }
end

-- Forgets the capture that was open before.
function xenmig.init()
    ignored = { count = 0 }
    connections = runtime_connections.Connections()
    capture = connections.capture
end

register_postdissector(kept_back)

xenmig:register_heuristic("tcp", function(tvb, pinfo, root)
    local stream = value_of(tcp_stream)
    -- Of captures without Xen this is all that most packets cost.
    if stream and connections.ignored[stream] or pinfo.visited then return false end
    if not stream and is_ignored(pinfo) then return false end
    if connections:has_given_up(pinfo, stream) then
        if not stream then ignore(pinfo) end
        return false
    end
    if tvb:reported_len() ~= (value_of(tcp_len) or tvb:reported_len()) then
        capture.hidden = pinfo.number -- TCP put packets together for another dissector, which did not know them
        return false
    end
    local segment = { tvb = tvb, length = tvb:reported_len(), seq = value_of(seq_raw) }
    if not recognises(segment, pinfo, stream) then return false end
    xenmig.dissector(tvb, pinfo, root)
    return true
end)
