-- What the fields and the times of a packet say.

local connections = runtime_connections.Connections()
local capture = connections.capture -- what is known of its migrations, and of the packet at hand

-- Each field that is asked for costs in every packet: what else TCP's header says is read next to `tcp.seq_raw`.
local seq_raw, tcp_stream, tcp_len = Field.new("tcp.seq_raw"), Field.new("tcp.stream"), Field.new("tcp.len")
local tcp_seq, tcp_completeness = Field.new("tcp.seq"), Field.new("tcp.completeness")
local fin, rst = Field.new("tcp.connection.fin"), Field.new("tcp.connection.rst") -- which few packets have
local HANDSHAKE = 3 -- in tcp.completeness: a SYN of either side was seen

-- The value of a field of the packet at hand. Nil on a pass for which Wireshark builds no tree, as the first one of
-- `tshark -2` without a filter.
local function value_of(extractor)
    local found = extractor()
    return found and found()
end

local SYN, PSH, ACK = 0x02, 0x08, 0x10
local SEQ_AT, ACK_AT, SIZE_AT, FLAGS_AT = 4, 8, 12, 13 -- in TCP's header (RFC 9293, 3.1)

-- TCP's header of the packet at hand: a Tvb and its place there.
local function header_at()
    local field = seq_raw()
    if not field then return nil end
    return field.source, field.offset - SEQ_AT
end

-- Whether a direction whose beginning was not captured begins with a keep-alive (RFC 9293, 3.8.4): one octet, whatever
-- it is, sent again. One that somebody wrote would come with PSH.
local function is_keep_alive()
    local source, at = header_at()
    return source and value_of(tcp_len) == 1 and bit.band(source(at + FLAGS_AT, 1):uint(), PSH) == 0
end

-- The sequence number of a direction's first octet, and whether that is certain: where a SYN was captured TCP counts
-- from it, if it is not told to show no relative numbers. Else it is the first that is seen.
local function origin_of(seq)
    local relative = value_of(tcp_seq)
    if not relative or relative == seq or bit.band(value_of(tcp_completeness) or 0, HANDSHAKE) == 0 then
        return { is_keep_alive() and (seq + 1) % TWO_32 or seq, false }
    end
    return { (seq - relative + 1) % TWO_32, true }
end

-- Seconds from a moment that is one for the whole capture. A time reference that a user sets moves the moment that
-- `rel_ts` counts from; `abs_ts` counts from 1970, for which a number has no nanoseconds left.
local function time_of(pinfo)
    local since, epoch = pinfo.rel_ts, pinfo.abs_ts
    capture.epoch = capture.epoch or epoch - since
    capture.newest = max(capture.newest or epoch, epoch)
    local time = epoch - capture.epoch
    return math.abs(time - since) < 1e-5 + epoch * 2 ^ -50 and since or time -- as exact as such a number is
end

local IDLE = 600 -- seconds

-- No packet follows, as far as is known: tshark looks at packets again, or draws a report, only then. The graphical
-- Wireshark does so in a live capture, too, so that a packet is the last one only when it is old.
local function settle()
    if not gui_enabled() or os.time() - (capture.newest or 0) > IDLE then connections:flush() end
end
