local find_magic
do

local KEEP = 62 -- a magic may be split between segments: so many octets stay in sight

-- Whether a magic in mid-connection begins a header: xl's is a string in xl's own program as well, and in that file
-- no byteorder follows it.
local function is_plausible(magic, octets_seen, at)
    if magic ~= XL_MAGIC then return true end
    if #octets_seen < at + #magic + 4 then return false end
    return u32(octets_seen, at + #magic, false) == XL_BYTEORDER or u32(octets_seen, at + #magic, true) == XL_BYTEORDER
end

-- The first magic that begins a stream of the direction wanted (nil: of either), as {position, state, direction}.
function find_magic(octets_seen, wanted, is_at_start)
    local first
    for _, magic in ipairs(MAGICS) do
        -- A text of the receiver's, say, may be in the memory of a guest that has Xen's tools.
        if not wanted or wanted == magic.direction then
            local at = find(octets_seen, magic.octets, 1, true)
            while at and not ((is_at_start and at == 1) or is_plausible(magic.octets, octets_seen, at - 1)) do
                at = find(octets_seen, magic.octets, at + 1, true)
            end
            if at and (not first or at - 1 < first.position) then
                first = { position = at - 1, state = magic.state, direction = magic.direction }
                first.is_magic = true
            end
        end
    end
    return first
end

-- The first handshake text; in the forward direction with the two ENDs before it, if they are there.
local function find_text(octets_seen, direction)
    local first
    for _, message in ipairs(MESSAGES) do
        local going = direction or message.direction
        local at = (message.direction == going or message.direction == "both") and going ~= "both"
            and find(octets_seen, message.octets, 1, true)
        if at and (not first or at - 1 < first.position) then
            first = { position = at - 1, state = going == REVERSE and "reverse" or "closing", direction = going }
        end
    end
    if not first or first.direction == REVERSE then return first end
    local text_at = first.position
    for ends, state in ipairs({ "libxl", "libxc" }) do
        local position = text_at - ends * HEADER_SIZE
        if position >= 0 and not octets_seen:sub(position + 1, text_at):find("[^\0]") then
            first = { position = position, state = state, direction = first.direction }
        end
    end
    return first
end

-- The first believable header or text, if any; and how many octets can be dropped if there is none.
local function find_header(flow, direction, final)
    local octets_seen, channel = flow.buffer, flow.channel
    local found = find_text(octets_seen, direction)
    local drop = max(0, #octets_seen - KEEP)
    for _, big in ipairs(channel.version and { channel.big.libxc } or { false, true }) do
        local pattern = big and CANDIDATES_BIG or CANDIDATES_LITTLE
        local at = find(octets_seen, pattern)
        while at and not (found and at - 1 >= found.position) do
            local judge = new_judge(flow, big, final)
            judge.not_pv = not is_pv(channel) and (channel.guest ~= nil or channel.postcopy)
            for _, layer in ipairs({ "libxc", "libxl" }) do
                if evidence_at(judge, at - 1, layer) >= BELIEVED then
                    local going = direction or (judge.reverse and REVERSE or FORWARD)
                    if going == REVERSE or not judge.reverse then
                        local state = going == REVERSE and "reverse" or layer
                        return { position = at - 1, state = state, direction = going, big = big }, drop
                    end
                end
            end
            if judge.waits then
                drop = min(drop, at - 1) -- later octets will decide on this candidate
                break
            end
            at = find(octets_seen, pattern, at + 1)
        end
    end
    return found, drop
end

-- Whether a magic begins another migration, rather than a layer of this one whose outer header was lost.
local function begins_anew(flow, state)
    local layer = BEGINNINGS[state]
    return layer ~= nil and (flow.trailing ~= nil or flow.layers[layer] ~= nil)
end

-- Whether the flow stands at a header now; if not, what can no longer be part of one is dropped.
local function is_settled(flow, final)
    local octets_seen, channel = flow.buffer, flow.channel
    local direction = (flow.found or channel.number) and flow.direction or nil
    local first = find_magic(octets_seen, direction, flow.offset == 0)
    local wanted = max(0, #octets_seen - KEEP)
    if not flow.trailing then
        local likely
        likely, wanted = find_header(flow, direction, final)
        if likely and (not first or likely.position < first.position) then first = likely end
    end
    if not first then
        consume(flow, wanted)
        return false
    end
    if flow.found and first.direction == FORWARD and begins_anew(flow, first.state) then
        end_trailing(flow, first.position)
        renew(flow)
    end
    consume(flow, first.position)
    channel = flow.channel
    if not flow.found then
        flow.late = not first.is_magic -- its beginning was not captured
        channel.late = channel.late or (not BEGINNINGS[first.state] and not channel.number)
        channel.bare = first.state == "image header" and flow.gaps == 0
        recognise(flow, first.direction)
    end
    if first.big ~= nil and not channel.version then channel.big.libxc = first.big end -- no image header has said it
    regain(flow, first.state)
    return true
end

-- Passes over octets until the next header of this direction, or the beginning of a stream.
states["hunt"] = function(flow)
    if flow.offset == 0 and not flow.found then
        wait_or_stop(flow, 8)
        if find(flow.buffer, "^SSH%-%d") or find(flow.buffer, "^\22\3[%z\1-\4]..[\1\2]") then -- RFC 4253, RFC 8446
            flow.state = "ignore"
            return
        end
    end
    while flow.state == "hunt" do
        if not is_settled(flow, false) then
            local lost = coroutine.yield(#flow.buffer + 1)
            -- What is in sight is all there is before a gap: decide with that.
            if lost and not is_settled(flow, true) then
                flow.resume = lost
                error(LOST, 0)
            end
        end
    end
end

end
