local states = {} -- what reads each state's header, record or text, and says what comes next
local new_channel, regain, recognise, end_trailing, renew, start_parser
do

local PAGE_SHIFT_MAX = 30 -- 1 GiB, the largest page of any processor
local XENOPS_LENGTH_MAX = 2 ^ 40
local TEXT_MAX = 128
local BODY_KEPT = 1048576 -- octets of a body that are looked at: all state of processors and devices Xen sends
local BODIES_KEPT = 33554432 -- octets of bodies that are kept after that, of all connections together
local ENTRIES_KEPT = 1048576 -- entries of a pages record that are looked at
local RUNS_KEPT = 1048576 -- and runs of them, while the record goes on

function new_channel()
    return {
        layers = {},
        big = { libxc = false, xenops = false },
        page_shift = PAGE_SHIFT,
        postcopy = false,
        now = new_situation(),
        faults = new_faults(),
        totals = {},
    }
end

-- An item can be shown from now on: in the packet that holds the end of its header.
local function announce_item(flow, item)
    for _, mark in ipairs(flow.marks) do
        if mark.offset < item.offset + item.header then item.header_frame = mark.frame end
    end
    item.is_announced = true
    table.insert(capture.found, item)
end

-- An item begins at the first octet in the buffer.
local function begin(flow, item)
    local mark = flow.marks[1]
    flow.damaged = false
    if mark then flow.high_frame, flow.high_time = mark.frame, mark.time end
    item.flow, item.channel, item.direction = flow, flow.channel, flow.direction
    item.offset, item.first_frame, item.first_time = flow.offset, flow.high_frame, flow.high_time
    item.header_frame = item.first_frame
    item.skipped, flow.passed_over = flow.passed_over, 0
    item.big = item.big or false
    table.insert(flow.items, item)
    flow.item = item
    judge_beginning(item)
    return item
end

-- All of an item that was captured has been seen.
local function finish(flow, item, length, whole)
    item.length = length
    item.last_frame, item.last_time = flow.high_frame, flow.high_time
    item.whole = whole
    item.complete = whole and not flow.damaged
    item.acked = flow.acked
    flow.item = nil
    table.insert(capture.ended, item)
    take_in(item)
    item.runs, item.padding = nil, nil
    if item.body and capture.bodies_kept + #item.body > BODIES_KEPT then
        item.body = nil
    elseif item.body then
        capture.bodies_kept = capture.bodies_kept + #item.body
    end
end

-- A segment ends inside an entry: the packet in which the entry ends has to show all of it.
local function remember_split(flow)
    flow.split = flow.split or {}
    flow.split[flow.offset + #flow.buffer] = flow.buffer
end

-- Entries of a pages record, summed up.
local function take_entries(item, octets_seen, count)
    local big, runs = item.big, item.runs
    local last_pfn, last_type = item.last_pfn, item.last_type
    local low, high = item.low or 2 ^ 53, item.high or 0
    for index = 0, count - 1 do
        local pfn, kind, reserved_bits = entry_at(octets_seen, index * ENTRY_SIZE, big)
        if not UNBACKED[kind] then item.backed = item.backed + 1 end
        if pfn < low then low = pfn end
        if pfn > high then high = pfn end
        if reserved_bits ~= 0 and not item.reserved_entry then item.reserved_entry = item.listed + index end
        if RESERVED_PAGE_TYPES[kind] and not item.reserved_type then item.reserved_type = { pfn, kind } end
        if runs then
            if runs[1] and pfn == last_pfn + 1 and kind == last_type then
                runs[#runs].count = runs[#runs].count + 1
            elseif #runs < RUNS_KEPT then
                runs[#runs + 1] = { first = pfn, count = 1, kind = kind }
            end
        end
        last_pfn, last_type = pfn, kind
    end
    item.listed = item.listed + count
    item.last_pfn, item.last_type, item.low, item.high = last_pfn, last_type, low, high
end

-- The count, then the entries, as they come: of each only what the rules and the faults need is kept.
local function read_entries(flow, item, length)
    wait(flow, PAGES_HEADER_SIZE)
    local big = item.big
    item.count, item.reserved = u32(flow.buffer, 0, big), u32(flow.buffer, 4, big)
    take(flow, PAGES_HEADER_SIZE)
    local left = min(item.count, floor((length - PAGES_HEADER_SIZE) / ENTRY_SIZE), ENTRIES_KEPT)
    item.listed, item.backed, item.entries_end = 0, 0, item.offset + item.header + ENTRY_SIZE * left
    item.runs = keeps_runs(item) and {} or nil
    while left > 0 do
        if #flow.buffer > 0 and #flow.buffer < ENTRY_SIZE then remember_split(flow) end
        wait(flow, ENTRY_SIZE)
        local here = min(left, floor(#flow.buffer / ENTRY_SIZE))
        take_entries(item, take(flow, here * ENTRY_SIZE), here)
        left = left - here
    end
    judge_listed(item)
end

-- A body with fields, or its beginning.
local function read_body(flow, item, length)
    local keep = min(length, BODY_KEPT)
    local parts, kept = {}, 0
    item.parts = parts
    while kept < keep do
        wait(flow, 1)
        local here = take(flow, min(keep - kept, #flow.buffer))
        parts[#parts + 1] = here
        kept = kept + #here
    end
end

-- The way is lost: a header should have been at one offset, octets go on at another.
local function lose_way(flow, expected, after)
    flow.item = nil
    if after > flow.offset then jump(flow, after) end
    if flow.found and not flow.lost_at then flow.lost_at = expected end
    flow.handed_over = nil
    flow.state = "hunt"
end

-- Reads an item of which `length` octets and padding are still to come: what has fields is looked at, page contents
-- and the rest of long blobs are passed over. False if the next header was lost with its end. A gap inside costs what
-- it took: the length says where the next header is.
local function read_item(flow, item, length, padding)
    local last = flow.offset + length + padding
    local lost = nil
    local function read()
        if lost then
            jump(flow, lost)
            leave(flow, last - lost)
            return
        end
        if item.spec and item.spec.shape == "pages" and length >= PAGES_HEADER_SIZE then
            read_entries(flow, item, length)
        else
            read_body(flow, item, length)
        end
        leave(flow, last - padding - flow.offset)
        wait(flow, padding)
        item.padding = take(flow, padding)
    end
    repeat
        local ok, problem = pcall(read)
        if not ok and problem ~= LOST then error(problem, 0) end
        if not ok then lost = flow.resume end
    until ok or lost > last
    if item.parts then
        item.body = table.concat(item.parts)
        item.parts = nil
    end
    finish(flow, item, last - item.offset, true)
    if lost and lost > last then
        lose_way(flow, last, lost)
        return false
    end
    return true
end

-- The next octet begins a header again.
function regain(flow, state)
    if flow.lost_at then
        flow.passed_over = flow.offset - flow.lost_at
        flow.lost_at = nil
    end
    flow.state = state
end

local function open_channel(channel)
    if not channel.number then
        channel.number = #capture.channels
        table.insert(capture.channels, channel)
    end
end

-- The next octet belongs to a stream of this direction: so the other direction is the other one.
function recognise(flow, direction)
    open_channel(flow.channel)
    flow.direction, flow.found = direction, true
    local peer = flow.peer
    if not peer.found then
        peer.direction = direction == FORWARD and REVERSE or FORWARD
        if peer.direction == REVERSE and peer.state == "hunt" then
            peer.state = "reverse"
            if peer.parser then
                jump(peer, peer.offset + #peer.buffer)
                peer.wanted = 1
            end
        end
    end
    flow.channel[direction], flow.channel[peer.direction] = flow, peer
end

-- What followed the end of a stream and was no handshake goes up to a place in the buffer.
function end_trailing(flow, here)
    local item = flow.trailing
    flow.trailing = nil
    if item then finish(flow, item, flow.offset + here - item.offset, true) end
end

-- A migration ended on this connection and another begins. Each direction keeps its place: what is left of the old
-- migration's records still has to be read.
function renew(flow)
    local channel = new_channel()
    for _, one in ipairs({ flow, flow.peer }) do
        end_trailing(one, #one.buffer)
        one.channel, one.found, one.lost_at, one.layers = channel, false, nil, {}
    end
end

-- The state after a header or record of the forward direction: NEXT, or another of the same layer.
local function advance(flow, layer, name)
    local following = NEXT[layer .. "." .. name] or layer
    if name == "CHECKPOINT_END" and (flow.handed_over == "END" or flow.handed_over == "POSTCOPY_TRANSITION") then
        following = "libxl" -- there is no checkpoint that it could end
    elseif layer == "libxc" and (following == "outer" or following == "libxl, if there") then
        flow.handed_over = name
    end
    if following == "outer" then
        local around = outer(flow.channel, layer)
        following = (around == "libxl" or around == "xenops") and around or "closing"
    end
    flow.state = following
end

-- Headers

-- The header in the buffer, with `more` octets that belong to it.
local function read_header(flow, spec, big, more)
    enter(flow, spec.layer)
    local length = spec.size + more
    local item = { layer = spec.layer, name = spec.name, spec = spec, big = big, body_length = length }
    item.header, item.length = spec.size, length
    announce_item(flow, begin(flow, item))
    if read_item(flow, item, length, 0) then advance(flow, spec.layer, spec.name) end
end

states["xl header"] = function(flow)
    local spec = HEADERS["xl header"]
    wait(flow, spec.size)
    local _, big = xl_byte_order(flow.buffer)
    local flags, more = u32(flow.buffer, 36, big), u32(flow.buffer, 44, big)
    flow.channel.big.libxc, flow.channel.big.libxl = big, big
    read_header(flow, spec, big, more)
    if flags % 4 < 2 then flow.state = "legacy" end
end

-- A stream of Xen 4.5 or older has no records to follow.
states["legacy"] = function(flow)
    flow.channel.legacy = true
    flow.state = "ignore"
end

states["xenops header"] = function(flow)
    local spec = HEADERS["xenops header"]
    wait(flow, spec.size)
    read_header(flow, spec, false, 0)
end

states["libxl header"] = function(flow)
    local spec = HEADERS["libxl header"]
    wait(flow, spec.size)
    local is_named = flow.buffer:sub(1, #LIBXL_IDENT) == LIBXL_IDENT
    flow.channel.big.libxl = is_named and u32(flow.buffer, 12, true) % 2 == 1
    read_header(flow, spec, true, 0)
    if not is_named then lose_way(flow, flow.offset, flow.offset) end
end

states["image header"] = function(flow)
    local channel, spec = flow.channel, HEADERS["image header"]
    wait(flow, spec.size)
    -- One of the two is enough: a wrong marker or id alone is a finding, not another format.
    local is_named = flow.buffer:sub(1, 8) == IMAGE_MAGIC:sub(1, 8) or flow.buffer:sub(9, 12) == IMAGE_MAGIC:sub(9)
    if is_named then
        channel.version = u32(flow.buffer, 12, true)
        channel.big.libxc = u16(flow.buffer, 16, true) % 2 == 1
    end
    read_header(flow, spec, true, 0)
    if not is_named then lose_way(flow, flow.offset, flow.offset) end
end

states["domain header"] = function(flow)
    local channel, spec = flow.channel, HEADERS["domain header"]
    wait(flow, spec.size)
    local big = channel.big.libxc
    channel.guest = u32(flow.buffer, 0, big)
    local shift = u16(flow.buffer, 4, big)
    if shift <= PAGE_SHIFT_MAX then channel.page_shift = shift end
    read_header(flow, spec, big, 0)
end

-- Records

local function next_header(flow, layer)
    local big = is_big(flow, layer)
    return u32(flow.buffer, 0, big), u32(flow.buffer, 4, big)
end

-- The version, from a record whose number has two meanings, when the image header was not captured:
-- POSTCOPY_PFNS_BEGIN is empty and X86_CPUID_POLICY is not; the processors' and devices' state follows POSTCOPY_BEGIN,
-- but memory follows STATIC_DATA_END.
local function version_of(flow, kind, length)
    if kind == 0x11 then return length > 0 and 3 or 2 end
    if kind == 0x10 and length == 0 and wait_or_stop(flow, 2 * HEADER_SIZE) then
        return AFTER_POSTCOPY_BEGIN[u32(flow.buffer, HEADER_SIZE, flow.channel.big.libxc)] and 2 or 3
    end
    return nil
end

-- Whether an unknown type is near the numbers in use: anything else is rather a header read at the wrong place.
local function is_near_allotted(kind)
    return kind % OPTIONAL < 0x10000
end

-- A record of libxl or libxc, whose 8-octet header is in the buffer: type, body_length, body, padding to 8.
local function read_record(flow, layer, announcement)
    local channel = flow.channel
    local big = is_big(flow, layer)
    local kind, length = next_header(flow, layer)
    if layer == "libxc" and not channel.version then channel.version = version_of(flow, kind, length) end
    local spec = (layer == "libxl" and LIBXL_RECORDS or libxc_table(channel))[kind]
    local is_believed = length <= BODY_LENGTH_MAX and (spec ~= nil or is_near_allotted(kind))
    if not is_believed and not flow.found then
        take(flow, 1)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    flow.found = true
    enter(flow, layer)
    local name = spec and spec.name or format("UNKNOWN_0x%08x", kind)
    if name:find("^POSTCOPY_") then
        channel.postcopy = true
        -- Only version 2 streams have these: a capture that missed the image header still knows.
        channel.version = channel.version or 2
    end
    local item = { layer = layer, name = name, type = kind, spec = spec, big = big, body_length = length }
    item.announcement_missing = announcement
    local padding = -length % 8
    item.header, item.length = HEADER_SIZE, HEADER_SIZE + length + padding
    begin(flow, item)
    local has_count = is_believed and spec and spec.shape == "pages" and length >= PAGES_HEADER_SIZE
    if has_count and wait_or_stop(flow, HEADER_SIZE + PAGES_HEADER_SIZE) then
        item.header = HEADER_SIZE + PAGES_HEADER_SIZE -- what is shown first of a pages record is its count
    end
    announce_item(flow, item)
    take(flow, HEADER_SIZE)
    if not is_believed then
        -- Following this length would be guessing: the header is all that is believed of the record.
        finish(flow, item, HEADER_SIZE, false)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    if read_item(flow, item, length, padding) and flow.direction == FORWARD then advance(flow, layer, name) end
end

states["libxl"] = function(flow)
    wait(flow, HEADER_SIZE)
    local kind = next_header(flow, "libxl")
    if not LIBXL_RECORDS[kind] and libxc_table(flow.channel)[kind] then
        -- No libxl record has this number: the sender went back to libxc without saying so.
        read_record(flow, "libxc", "postcopy-transition-missing")
    else
        read_record(flow, "libxl")
    end
end

states["libxc"] = function(flow)
    local channel = flow.channel
    wait(flow, HEADER_SIZE)
    local kind = next_header(flow, "libxc")
    local is_like_libxl = kind == 2 or kind == 3 or kind == 6
    if is_like_libxl and channel.postcopy and has_layer(channel, "libxl") and not is_pv(channel) then
        -- While postcopy is set up, in a guest that is not PV, these are not X86_PV_* but libxl's EMULATOR_* and
        -- POSTCOPY_TRANSITION_END, whose numbers are the same.
        read_record(flow, "libxl", "postcopy-transition-missing")
    else
        read_record(flow, "libxc")
    end
end

-- After CHECKPOINT and POSTCOPY_TRANSITION libxl goes on, if there is one around the libxc stream.
states["libxl, if there"] = function(flow)
    local channel = flow.channel
    if may_be_in_libxl(channel) then
        wait(flow, HEADER_SIZE)
        -- libxl's records here, EMULATOR_XENSTORE_DATA to POSTCOPY_TRANSITION_END, have other numbers than those of
        -- libxc here: PAGE_DATA, POSTCOPY_PAGE_DATA, END.
        local kind = next_header(flow, "libxl")
        if kind >= 2 and kind <= 6 then enter(flow, "libxl") end
    end
    flow.state = has_layer(channel, "libxl") and "libxl" or "libxc"
end

local function is_checkpoint_state(kind)
    local spec = LIBXL_RECORDS[kind]
    return spec ~= nil and spec.name == "CHECKPOINT_STATE"
end

-- After a checkpoint COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c).
states["libxl or libxc"] = function(flow)
    wait(flow, HEADER_SIZE)
    local kind, length = next_header(flow, "libxl")
    flow.state = is_checkpoint_state(kind) and length <= 8 and "libxl" or "libxc"
end

-- A record of xenopsd's image: 16 octets of header, a body without padding.
states["xenops"] = function(flow)
    wait(flow, XENOPS_HEADER_SIZE)
    local kind, length = u64_number(flow.buffer, 0, false), u64_number(flow.buffer, 8, false)
    local spec = XENOPS_RECORDS[kind]
    local name = spec and spec.name or format("UNKNOWN_0x%08x", kind % TWO_32)
    enter(flow, "xenops")
    local item = { layer = "xenops", name = name, type = kind % TWO_32, spec = spec, body_length = length }
    item.header, item.length = XENOPS_HEADER_SIZE, XENOPS_HEADER_SIZE + length
    announce_item(flow, begin(flow, item))
    take(flow, XENOPS_HEADER_SIZE)
    if not spec or length > XENOPS_LENGTH_MAX then
        finish(flow, item, XENOPS_HEADER_SIZE, false)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    local follows = spec.shape == "stream" and 0 or length
    item.length = XENOPS_HEADER_SIZE + follows
    if read_item(flow, item, follows, 0) then advance(flow, "xenops", name) end
end

-- Texts and the reverse direction

-- Whether a text begins here: no record's header is made of printable octets alone.
local function is_text(flow)
    return flow.buffer:sub(1, HEADER_SIZE):find("^[ -~]+$") ~= nil
end

-- The message that a text is; if it ends too early, the one that it can be.
local function message_of(seen, direction)
    for _, message in ipairs(MESSAGES) do
        local goes_here = message.direction == direction or message.direction == "both"
        if message.octets == seen or (goes_here and starts_with(message.octets, seen)) then return message end
    end
    return nil
end

-- Whether the outermost stream of the other direction has ended.
local function is_over(flow)
    return flow.peer.state == "closing" or flow.peer.trailing ~= nil
end

-- A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL.
local function read_text(flow)
    local offset = flow.offset
    while #flow.buffer < TEXT_MAX do
        if starts_with(flow.buffer, BANNER) or find(flow.buffer, "\0", 1, true) then break end
        if not wait_or_stop(flow, #flow.buffer + 1) then break end
    end
    local size = starts_with(flow.buffer, BANNER) and #BANNER or find(flow.buffer, "\0", 1, true) or TEXT_MAX
    local seen = flow.buffer:sub(1, size)
    local message = message_of(seen, flow.direction)
    if not message then
        -- The beginning of the next stream may be printable too.
        for beginning in pairs(FORWARD_BEGINNINGS) do
            local at = find(seen, beginning, 2, true)
            if at then seen = seen:sub(1, at - 1) end
        end
    end
    local length = message and #message.octets + message.status or #seen
    if message and message.octets == BANNER and flow.direction == REVERSE and flow.channel.layers[1] then
        if offset > 0 or is_over(flow) then
            renew(flow)
            recognise(flow, REVERSE)
        end
    end
    flow.found = flow.found or flow.direction == REVERSE
    if message then enter(flow, "xl") end
    local item = { layer = "xl", name = message and message.name or "text", message = message, body_length = length }
    item.header, item.length = min(length, #flow.buffer), length
    announce_item(flow, begin(flow, item))
    read_item(flow, item, length, 0)
end

-- The reverse direction: texts of xl, and records of libxc and libxl with no header before them.
states["reverse"] = function(flow)
    if has_layer(flow.channel, "xenops") then
        flow.state = "ignore" -- xenopsd answers with two octets, or a text of its own
        return
    end
    wait(flow, HEADER_SIZE)
    if not flow.found and not is_text(flow) and not begins_reverse(flow) then
        flow.state = "hunt" -- what was captured first is the middle of something
    elseif is_text(flow) then
        read_text(flow)
    else
        -- The two layers send different numbers here: CHECKPOINT_STATE is libxl's only one.
        read_record(flow, is_checkpoint_state((next_header(flow, "libxl"))) and "libxl" or "libxc")
    end
end

local function is_libxl(flow)
    if #flow.buffer < HEADER_SIZE then return false end
    local kind, length = next_header(flow, "libxl")
    local spec = LIBXL_RECORDS[kind]
    return spec ~= nil and (length == 0) == (spec.shape == "signal")
end

-- After the end of the outermost stream: texts of xl, then nothing.
states["closing"] = function(flow)
    wait(flow, 1)
    wait_or_stop(flow, HEADER_SIZE)
    if FORWARD_BEGINNINGS[flow.buffer:sub(1, HEADER_SIZE)] then
        if flow.found then renew(flow) end -- not if the banner was first to say that another migration begins
        flow.state = "hunt"
    elseif is_text(flow) then
        read_text(flow)
    elseif may_be_in_libxl(flow.channel) and is_libxl(flow) then
        enter(flow, "libxl")
        flow.state = "libxl"
    else
        local item = begin(flow, { name = "trailing data", body_length = 0, header = 1, length = 1 })
        announce_item(flow, item)
        if flow.channel.layers[1] ~= "xenops" then
            broken(item, "data-after-end", "octets after the end of the stream are no handshake")
        end
        flow.trailing = item
        flow.state = "hunt"
    end
end

-- One direction, one state after the other.
function start_parser(flow)
    flow.parser = coroutine.create(function()
        while flow.state ~= "ignore" do
            local ok, problem = pcall(states[flow.state], flow)
            if not ok then
                if problem ~= LOST then error(problem, 0) end
                lose_way(flow, flow.offset, flow.resume)
            end
        end
    end)
    flow.wanted = 1
end

end
