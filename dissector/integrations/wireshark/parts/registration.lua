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

local given_up = {} -- senders in whose octets no stream is looked for any more, by Wireshark's number of the connection

-- Forgets the capture that was open before.
function xenmig.init()
    given_up = {}
    connections = runtime_connections.Connections()
    capture = connections.capture
end

register_postdissector(kept_back)

xenmig:register_heuristic("tcp", function(tvb, pinfo, root)
    if pinfo.visited then return false end
    local stream = value_of(tcp_stream)
    -- Of captures without Xen this is all that most packets cost: two looks into tables.
    local tired, sender = stream and given_up[stream], pinfo.src_port
    if tired and tired[sender] then return false end
    if connections:has_given_up(pinfo, stream) then
        if stream and sender ~= pinfo.dst_port then
            given_up[stream] = tired or {}
            given_up[stream][sender] = true
        end
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
