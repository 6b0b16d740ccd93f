-- A stream may begin anywhere in a direction, its first octets in several packets or behind later ones. So of each
-- direction in which none has begun it is remembered where its octets begin (`base`), up to where they were searched
-- (`next`), and which packets are `pending`: a stream may have begun at their end, or octets are missing before them.

local FOLLOWED_MAX = 65536 -- connections of which that is remembered; past it all are forgotten
local PENDING_MAX = 8388608 -- octets of pending packets, of all directions together

local recognised, is_waited_for
do

-- What begins a stream, with what has to stand behind it; its longest; any first octet of one.
local STARTS, STARTS_MAX, FIRST_OCTETS = {}, 0, ""
for _, magic in ipairs(parser_resync.MAGICS) do
    for _, behind in ipairs(magic.confirms[1] and magic.confirms or { "" }) do
        table.insert(STARTS, magic.octets .. behind)
        STARTS_MAX = max(STARTS_MAX, #magic.octets + #behind)
        FIRST_OCTETS = FIRST_OCTETS .. magic.octets:sub(1, 1)
    end
end
FIRST_OCTETS = "[" .. FIRST_OCTETS .. "]"

local function begins_stream(octets)
    return parser_resync._magic({ offset = 0, searched = 0, buffer = octets }, nil) ~= nil
end

-- How many of the last octets may begin a stream that goes on in the next packet.
local function unfinished(octets)
    local at = octets:find(FIRST_OCTETS, max(1, #octets - STARTS_MAX + 2))
    while at do
        local rest = octets:sub(at)
        for _, start in ipairs(STARTS) do
            if start:sub(1, #rest) == rest then return #rest end
        end
        at = octets:find(FIRST_OCTETS, at + 1)
    end
    return 0
end

-- Keeps of what is pending what `wanted` wants.
local function keep(own, wanted)
    local pending, waits = {}, false
    for _, piece in ipairs(own.pending) do
        if wanted(piece) then
            table.insert(pending, piece)
            waits = waits or piece.offset > own.next
        else
            capture.pending_octets = capture.pending_octets - #piece.source
        end
    end
    own.pending = pending
    if waits ~= own.waits then
        own.waits = waits
        capture.early_gaps = capture.early_gaps + (waits and 1 or -1)
    end
end

local function drop() return false end

-- The octets that follow on one another from the first pending ones on.
local function joined(own)
    local first, parts = own.pending[1], {}
    local last = min(first.offset, own.next)
    if first.offset > last then return "", last end
    for _, piece in ipairs(own.pending) do
        if piece.offset > last then break end
        parts[#parts + 1] = piece.source:sub(last - piece.offset + 1)
        last = max(last, piece.offset + piece.length)
    end
    return table.concat(parts), last
end

-- A packet without a beginning of its own: whether it completes one.
local function completes(own, piece)
    local last = piece.offset + piece.length
    if #piece.source < piece.length then
        -- Cut off: nothing that was kept goes on behind it.
        own.next = max(own.next, last)
        keep(own, drop)
        return false
    elseif not own.pending[1] and piece.offset <= own.next and unfinished(piece.source) == 0 then
        own.next = last -- nearly always
        return false
    end
    table.insert(own.pending, above(own.pending, "offset", piece.offset), piece)
    capture.pending_octets = capture.pending_octets + #piece.source
    local octets, up_to = joined(own)
    if octets ~= "" and begins_stream(octets) then return true end
    if octets ~= "" then own.next = up_to end
    local from, newest = own.next - unfinished(octets), own.pending[#own.pending]
    keep(own, function(one) return one.offset + one.length > from end)
    local span = newest.offset + newest.length - from
    if span > parser_resync.START_SEARCHED or capture.pending_octets > PENDING_MAX then
        own.next = newest.offset + newest.length -- what is missing does not come
        keep(own, drop)
    end
    return false
end

-- A stream begins: from now on the connection's octets are parsed, those that are pending first.
local function take_over(connection, followed)
    for sender, own in pairs(followed) do
        local flow = sender == connection.sender and connection.one or connection.other
        local first = own.pending[1]
        flow.base, flow.has_origin = own.base, own.has_origin
        flow.next = min(own.next, first and first.offset or own.next)
        flow.parser.offset = flow.next
        local pending = own.pending
        table.sort(pending, function(one, other) return one.frame < other.frame end)
        for _, piece in ipairs(pending) do
            if not own.base then
                flow.placed = flow.placed or {}
                flow.placed[piece.frame] = piece.offset
            end
            arrive(flow, piece)
        end
        keep(own, drop)
    end
end

local function key_of(pinfo, stream) return stream or ends_of(pinfo) end

-- Whether octets of a packet's direction are missing before some that are pending.
function is_waited_for(pinfo, stream)
    local followed = capture.early_gaps > 0 and capture.followed[key_of(pinfo, stream)]
    local own = followed and followed[sender_of(pinfo)]
    return own and own.waits
end

-- Whether a stream begins in a packet, or has begun before and is complete enough now to be known: then both
-- directions of its connection are parsed from now on.
function recognised(tvb, pinfo, stream, seq)
    local key, sender, length = key_of(pinfo, stream), sender_of(pinfo), tvb:reported_len()
    local followed = capture.followed[key]
    if not followed then
        if capture.followed_count == FOLLOWED_MAX then
            capture.followed, capture.followed_count, capture.pending_octets, capture.early_gaps = {}, 0, 0, 0
        end
        followed = {}
        capture.followed[key], capture.followed_count = followed, capture.followed_count + 1
    end
    local own = followed[sender]
    if not own then
        own = { next = 0, pending = {}, waits = false }
        if seq then own.base, own.has_origin = origin_of(seq) end
        followed[sender] = own
    end
    local offset = own.base and seq and unwrapped(own, seq, own.next) or own.next
    if offset + length <= own.next or own.next > parser_resync.LATE_SEARCHED then return false end
    local octets = tvb:raw()
    if not begins_stream(octets) then
        local piece = {
            offset = offset,
            length = length,
            source = octets,
            captured = #octets,
            frame = pinfo.number,
            time = time_of(pinfo),
        }
        if not completes(own, piece) then return false end
        keep(own, function(one) return one ~= piece end) -- it comes as every packet does
    end
    take_over(connection_of(pinfo, stream, true), followed)
    capture.followed[key], capture.followed_count = nil, capture.followed_count - 1
    return true
end

end
