-- A flow is one direction of a connection: `offset` octets of it were consumed, `buffer` holds those that were seen and
-- not consumed, `skip` of the next ones nobody needs; `next` is the offset of what arrives next. A channel is what the
-- two flows of a migration share.

local FIRST_SEQ_MAX = 65536 -- connections that carry no migration yet of which the first octet's place is remembered

-- All that is known of a capture.
local function new_capture()
    return {
        channels = {}, -- migrations, in the order in which they were found
        found = {}, -- items found in the packet at hand
        ended = {}, -- and those that ended in it
        by_stream = {}, -- connections by Wireshark's number of them
        by_ends = {}, -- and by addresses and ports, one after the other
        first_seq = {}, -- of connections that may carry a migration, by number, then by sender
        first_seq_count = 0,
        bodies_kept = 0, -- octets
        waiting = 0, -- flows that hold octets behind a gap
        handled = 0, -- the packet that TCP handed over last
    }
end

local capture = new_capture()

local OUTERMOST_FIRST = { xl = 1, xenops = 2, libxl = 3, libxc = 4 }

local function has_layer(channel, layer)
    for _, one in ipairs(channel.layers) do
        if one == layer then return true end
    end
    return false
end

-- A stream of this layer was seen: not always after the one around it, whose header may be lost.
local function enter(flow, layer)
    local channel = flow.channel
    flow.layers[layer] = true
    if has_layer(channel, layer) then return end
    if layer == "libxc" and #channel.layers == 1 and channel.layers[1] == "xl" then
        table.insert(channel.layers, "libxl") -- its header was lost: xl sends nothing else
    end
    table.insert(channel.layers, layer)
    table.sort(channel.layers, function(one, other) return OUTERMOST_FIRST[one] < OUTERMOST_FIRST[other] end)
end

-- The layer around this one.
local function outer(channel, layer)
    for index, one in ipairs(channel.layers) do
        if one == layer then return channel.layers[index - 1] end
    end
    return nil
end

-- Whether a libxl stream may be around the libxc stream, though no octet of it was seen.
local function may_be_in_libxl(channel)
    return not channel.bare and not has_layer(channel, "libxl") and not has_layer(channel, "xenops")
end

-- Byte order of a layer's records: libxl and libxc each say their own, xenops has one.
local function is_big(flow, layer)
    local big = flow.channel.big
    if layer == "libxl" and big.libxl ~= nil then return big.libxl end
    return big[layer == "xenops" and "xenops" or "libxc"]
end

local function libxc_table(channel)
    return LIBXC_RECORDS[channel.version] or LIBXC_RECORDS.unknown
end

local function is_pv(channel)
    return GUEST_TYPES[channel.guest] == "x86 PV"
end

-- The byte order of a save header; nil if its byteorder field holds neither order's value.
local function xl_byte_order(octets_seen)
    for _, big in ipairs({ false, true }) do
        if u32(octets_seen, #XL_MAGIC, big) == XL_BYTEORDER then return true, big end
    end
    return false, false
end
