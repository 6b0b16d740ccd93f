local new_situation, broken, judge_beginning, judge_listed, take_in
do

-- How far one migration is, and how much of it is known.
function new_situation()
    return {
        state = "start",
        followed = false, -- whether every header since the domain header was read
        lists_whole = false, -- whether every list of announced pages was captured
        pages_whole = false,
        context = {}, -- the context records of the present stop of the guest
        seen = {}, -- names of records that came, and ids of rules that were broken, as far as it matters later
        kind = "live",
    }
end

-- Headers were lost: where the stream stands is unknown, and lists of pages may be lost as well.
local function forget(now)
    now.state = nil
    now.followed, now.lists_whole, now.pages_whole = false, false, false
end

-- An item broke a rule.
function broken(item, rule_id, message, ...)
    item.findings = item.findings or {}
    table.insert(item.findings, { rule = rule_id, message = format(message, ...) })
end

local function end_of(item)
    return item.offset + item.length
end

-- Whether the sender of one record had received the whole of another, of the other direction: it has acknowledged it.
-- Nil where no acknowledgement is known.
local function knew(item, other)
    if not item.acked then return nil end
    return item.acked >= end_of(other)
end

local function is_followed(flow)
    return flow.found and not flow.lost_at and flow.passed_over == 0
end

-- Whether every octet of a direction was captured, and understood.
local function is_whole(flow)
    if not flow or flow.offset == 0 or not is_followed(flow) then return false end
    return flow.gaps == 0 and not flow.late and not flow.channel.late
end

-- Bodies

local function judge_reserved(item, layout, octets_seen)
    local visitor = {}
    function visitor.field(field, _, _, value)
        if field.is_reserved and value ~= 0 then
            broken(item, "reserved-bits-set", "%s is %s, not zero", field.name, hexadecimal(value))
        end
        -- Unknown mandatory flags of xl are worse than a reserved bit, and have a rule of their own.
        for _, one in ipairs(field.name ~= "mandatory_flags" and field.parts or {}) do
            local bits_set = floor(floor(value / 2 ^ one.shift) % 2 ^ one.width)
            if one.name == "reserved" and bits_set ~= 0 then
                broken(item, "reserved-bits-set", "%s.reserved is %s, not zero", field.name, hexadecimal(bits_set))
            end
        end
    end
    walk(layout, octets_seen, 0, item.big, visitor)
end

-- What a header breaks that is not what it should be; each says whether it broke anything.
local HEADER_RULES = {
    ["xl header"] = function(item, body)
        local is_known, big = xl_byte_order(body)
        local flags = u32(body, 36, big)
        if not is_known then
            broken(item, "bad-xl-header", "byteorder is 0x%08x, not 0x01020304 in either order", u32(body, 32, big))
        elseif flags >= 4 then
            broken(item, "bad-xl-header", "unknown mandatory flags 0x%x", flags - flags % 4)
        elseif flags % 4 < 2 then
            broken(item, "legacy-stream", "mandatory_flags 0x%x: no libxl stream of version 2 follows", flags)
        end
    end,
    ["libxl header"] = function(item, body)
        local version = u32(body, 8, true)
        if not starts_with(body, LIBXL_IDENT) then
            local low, high = u64(body, 0, true)
            broken(item, "bad-libxl-header", "ident is 0x%08x%08x, not 'LibxlFmt'", high, low)
        elseif version ~= LIBXL_VERSION then
            broken(item, "bad-libxl-header", "version is %d, not %d", version, LIBXL_VERSION)
        end
    end,
    ["image header"] = function(item, body)
        local is_marked, is_named = starts_with(body, IMAGE_MAGIC:sub(1, 8)), body:sub(9, 12) == IMAGE_MAGIC:sub(9)
        local low, high = u64(body, 0, true)
        local version = u32(body, 12, true)
        if not is_marked and not is_named then
            broken(item, "legacy-stream", "in place of the marker, all ones, stands 0x%08x%08x", high, low)
        elseif not is_marked then
            broken(item, "bad-image-header", "marker is 0x%08x%08x, not all ones", high, low)
        elseif not is_named then
            broken(item, "bad-image-header", "id is 0x%08x, not 'XENF'", u32(body, 8, true))
        elseif not OF_VERSION[version] then
            broken(item, "bad-image-header", "version %d is not specified", version)
        end
    end,
    ["domain header"] = function(item, body)
        local guest, shift = u32(body, 0, item.big), u16(body, 4, item.big)
        if not GUEST_TYPES[guest] then broken(item, "bad-domain-header", "guest type %d is unknown", guest) end
        if shift ~= PAGE_SHIFT then broken(item, "bad-domain-header", "page_shift is %d, not %d", shift, PAGE_SHIFT) end
    end,
}

local function judge_header(item)
    local body, spec = item.body or "", item.spec
    if not item.whole or #body < spec.size then return end
    local before = item.findings and #item.findings or 0
    if HEADER_RULES[item.name] then HEADER_RULES[item.name](item, body) end
    -- Of a header that is not what it should be no bit means anything.
    if (item.findings and #item.findings or 0) > before then return end
    judge_reserved(item, spec.layout, body:sub(1, spec.size))
end

local function judge_pages_length(item)
    local length, spec = item.body_length, item.spec
    if length < PAGES_HEADER_SIZE then
        broken(item, "body-length-mismatch", "body_length %d has no room for count and reserved", length)
        return
    end
    if not item.count then return end
    local needed = PAGES_HEADER_SIZE + ENTRY_SIZE * item.count
    if PAGES_HEADER_SIZE + ENTRY_SIZE * item.listed < min(length - length % ENTRY_SIZE, needed) then
        return -- not all entries were captured or looked at
    end
    if item.count == 0 then broken(item, "empty-pages-record", "count is 0") end
    if spec.contents and item.channel.page_shift ~= PAGE_SHIFT then
        return -- that is a violation of its own, and the size of a page is unknown
    end
    if spec.contents and needed <= length then needed = needed + item.backed * 2 ^ PAGE_SHIFT end
    if needed ~= length then
        local format_string = "body_length %s, count %s says %s"
        broken(item, "body-length-mismatch", format_string, grouped(length), grouped(item.count), grouped(needed))
    end
end

-- One entry for each frame of the table, which holds as many of the guest's words as fit.
local function judge_frames(item)
    local first, last = u32(item.body, 0, item.big), u32(item.body, 4, item.big)
    for _, words in ipairs({ 512, 1024 }) do -- of a 64-bit and of a 32-bit guest
        if item.body_length == 8 + 8 * (floor(last / words) - floor(first / words) + 1) then return end
    end
    local says = "body_length %s is not what pfns %s to %s need"
    broken(item, "body-length-mismatch", says, grouped(item.body_length), grouped(first), grouped(last))
end

local function judge_length(item)
    local length, spec = item.body_length, item.spec
    if spec.shape == "signal" then
        if length > 0 then
            broken(item, "nonempty-signal", "a signal has no body, this one has %s octets", grouped(length))
        end
    elseif spec.shape == "pages" then
        judge_pages_length(item)
    elseif spec.shape == "page" then
        local page = 2 ^ PAGE_SHIFT
        if length ~= page and item.channel.page_shift == PAGE_SHIFT then
            broken(item, "body-length-mismatch", "body_length %s, a page has %s", grouped(length), grouped(page))
        end
    elseif item.body and #item.body >= length then
        local used = walk(spec.layout, item.body, 0, item.big, {})
        if not used then
            local says = "body_length %s is too short for what its own counts say"
            broken(item, "body-length-mismatch", says, grouped(length))
        elseif used ~= length then
            local says = "body_length %s, its own counts say %s"
            broken(item, "body-length-mismatch", says, grouped(length), grouped(used))
        elseif item.name == "X86_PV_P2M_FRAMES" then
            judge_frames(item)
        end
    end
end

local function judge_entries(item)
    if not item.count then return end
    if item.reserved ~= 0 then broken(item, "reserved-bits-set", "reserved is 0x%x, not zero", item.reserved) end
    if item.spec.direction ~= REVERSE and item.reserved_type then
        local pfn, kind = item.reserved_type[1], item.reserved_type[2]
        broken(item, "reserved-page-type", "pfn %s has page type %d", hexadecimal(pfn), kind)
    end
    if item.reserved_entry then
        broken(item, "reserved-bits-set", "entry %s: bits 52 to 59 are not zero", grouped(item.reserved_entry))
    end
end

local RESERVED_SHOWN = 64 -- octets of a body that are looked at for reserved fields: none is further on

local function judge_unknown(item)
    if item.type < OPTIONAL then
        broken(item, "unknown-mandatory-record", "mandatory record 0x%08x is specified nowhere", item.type)
    elseif item.channel.now.state == "postcopy pages" then
        local says = "optional record 0x%08x: the known receiver and sender fail on it in the postcopy phase"
        broken(item, "postcopy-optional-record", says, item.type)
    else
        broken(item, "unknown-optional-record", "optional record 0x%08x is specified nowhere", item.type)
    end
end

-- The rules that a header or record breaks by itself.
local function judge_alone(item)
    local spec = item.spec
    if not item.type then
        judge_header(item)
    elseif item.body_length > BODY_LENGTH_MAX and item.layer ~= "xenops" then
        local says = "body_length %s, the most any receiver accepts is %s"
        broken(item, "record-too-long", says, grouped(item.body_length), grouped(BODY_LENGTH_MAX))
    elseif item.name == "LIBXC_LEGACY" then
        broken(item, "legacy-stream", "record type 0x%x says that a legacy libxc stream follows", item.type)
    else
        if not spec then judge_unknown(item) end
        if item.padding and item.padding:find("[^\0]") then
            local shown = item.padding:gsub(".", function(one) return format("%02x ", byte(one)) end)
            broken(item, "nonzero-padding", "padding after the body is %s", shown)
        end
        if not spec or item.layer == "xenops" then return end
        if not item.is_listed then judge_length(item) end
        if spec.shape == "pages" then
            if not item.is_listed then judge_entries(item) end
        elseif spec.shape ~= "signal" and item.body then
            judge_reserved(item, spec.layout, item.body:sub(1, RESERVED_SHOWN))
        end
    end
end

-- Order

-- The state that is meant, by the streams that are around this one, as far as that is known.
local function state_after(state, in_libxl, in_xenops)
    if not in_libxl and WITHOUT_LIBXL[state] then
        if in_libxl == nil then return nil end
        return state_after(WITHOUT_LIBXL[state], true, in_xenops)
    end
    return in_xenops and state == "finished" and "xenops tail" or state
end

-- What a record breaks in a state that does not allow it: a rule, and the state that the record implies.
local function misplaced(key, state)
    for _, one in ipairs(MISPLACED[key] or {}) do
        for _, where in ipairs(one.states) do
            if where == state then return one.rule, one.follows end
        end
    end
    return "unexpected-record", nil
end

-- Framing notes where records of the other layer follow and nothing handed over to it.
local function judge_announcement(item, now)
    local should_be = item.announcement_missing and SHOULD_BE[item.layer]
    if not should_be then return end
    for _, state in ipairs(should_be.states) do
        if now.state == state then
            local says = "%s is %s's, and no %s came before it"
            broken(item, item.announcement_missing, says, item.name, item.layer, should_be.missing)
            now.state = should_be.follows
            return
        end
    end
    if now.state == "early pages" then now.state = should_be.follows end
end

local function judge_state(item, key, now)
    local channel, before = item.channel, now.state
    if not before then
        now.state = NATURAL[key]
    elseif STATES[before][key] then
        now.state = STATES[before][key]
    elseif MISSED[key] and now.seen[MISSED[key]] then
        return -- that it was missing where it belongs was said
    else
        local rule_id, follows = misplaced(key, before)
        now.seen[rule_id] = true
        broken(item, rule_id, '%s in the state "%s"', item.name, before)
        now.state = follows or before
    end
    if key == "domain header" then
        now.state = OF_VERSION[channel.version]
        now.followed, now.lists_whole, now.pages_whole = true, true, true
    end
    if now.state then
        local in_libxl = has_layer(channel, "libxl")
        if may_be_in_libxl(channel) then in_libxl = nil end
        now.state = state_after(now.state, in_libxl, has_layer(channel, "xenops") and item.layer ~= "xenops")
    end
end

-- The context records of one stop of the guest: which came, and in which order.
local function judge_context(item, key, before, now)
    local guest = GUEST_TYPES[item.channel.guest]
    if CONTEXT[key] then
        local is_late = item.name == "HVM_PARAMS" and now.context.HVM_CONTEXT
        if is_late and item.channel.version == 3 and not now.seen.HVM_PARAMS then
            now.seen.HVM_PARAMS = true
            broken(item, "hvm-params-after-context", "HVM_PARAMS comes after HVM_CONTEXT")
        end
        now.context[item.name] = true
    elseif key == "libxc.POSTCOPY_PFNS_BEGIN" and before == "postcopy begun" then
        local missing = {}
        for _, name in ipairs(HVM_CONTEXT) do
            if not now.context[name] then missing[#missing + 1] = "no " .. name end
        end
        if guest ~= "x86 HVM" then missing = next(now.context) and {} or { "no context record" } end
        if missing[1] then
            local says = "%s between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN"
            broken(item, "postcopy-context-missing", says, table.concat(missing, ", "))
        end
    end
    local ends_stop = key == "libxc.POSTCOPY_BEGIN" or key == "libxc.CHECKPOINT" or key == "libxc.PAGE_DATA"
    if ends_stop then now.context = {} end
end

-- The table of frames cannot be read by who does not know how wide the guest's words are.
local function judge_pv_info(item, key, now)
    if key == "libxc.X86_PV_P2M_FRAMES" and now.followed and not now.seen.X86_PV_INFO then
        now.seen[MISSED["libxc.X86_PV_INFO"]] = true
        broken(item, "unexpected-record", "X86_PV_P2M_FRAMES, and no X86_PV_INFO came before it")
    elseif key == "libxc.X86_PV_INFO" then
        now.seen.X86_PV_INFO = true
    end
end

-- The place of a header or record of the forward direction among the others.
local function judge_order(item, now)
    local key = item.type and item.layer .. "." .. item.name or item.name
    local guest = GUEST_TYPES[item.channel.guest]
    if PV_ONLY[key] and (guest == "x86 HVM" or guest == "x86 PVH") then
        if item.skipped == 0 then -- else it was found by what it looks like, and libxl has some of the same numbers
            broken(item, "pv-record-in-hvm", "%s in a stream whose domain header says %s", item.name, guest)
        end
        return
    elseif HVM_ONLY[key] and guest == "x86 PV" then
        broken(item, "hvm-record-in-pv", "%s in a stream whose domain header says %s", item.name, guest)
        return
    end
    judge_announcement(item, now)
    local before = now.state
    judge_state(item, key, now)
    judge_context(item, key, before, now)
    judge_pv_info(item, key, now)
    if not now.transition and now.state == "postcopy pages" then
        now.transition = item
        -- A POSTCOPY_COMPLETE that was captured before, but left after this had arrived, is in order.
        if not now.complete and now.early_complete and knew(now.early_complete, item) then
            now.complete = now.early_complete
        end
    end
    if key == "libxc.END" and (before == "postcopy pages" or before == "early pages") and not now.complete then
        now.state = nil -- the sender may well go on
    end
end

-- Pages

local function named(run)
    if run.count == 1 then return "pfn " .. hexadecimal(run.first) .. " was" end
    local first, last = hexadecimal(run.first), hexadecimal(run.first + run.count - 1)
    return format("one or more of the pfns %s to %s were", first, last)
end

local function judge_unannounced(item, pfns, rule_id, now)
    if not now.lists_whole then return end
    local outstanding = item.channel.faults.outstanding
    for pfn = pfns.first, pfns.first + pfns.count - 1 do
        if not outstanding:has(pfn) then
            broken(item, rule_id, "pfn %s was never announced as backed", hexadecimal(pfn))
            return
        end
    end
end

-- POSTCOPY_COMPLETE leaves when every page has come, so a page it has not acknowledged comes too late. Pages may be
-- captured before it and arrive after it left, as well as be captured after it.
local function judge_race(now)
    local pages, complete = now.page_data, now.complete
    if pages and complete and not now.raced and knew(complete, pages) == false then
        now.raced = pages
        local says = "the destination had %.0f octets when POSTCOPY_COMPLETE left, this record ends at %.0f"
        broken(pages, "postcopy-complete-race", says, complete.acked, end_of(pages))
    end
end

local function judge_page_runs(item, now)
    for _, run in ipairs(item.runs or {}) do
        if UNBACKED[run.kind] then
            local says = "pfn %s has type %s: no page can follow"
            broken(item, "postcopy-page-type", says, hexadecimal(run.first), PAGE_TYPES[run.kind])
        elseif item.skipped == 0 then
            judge_unannounced(item, run, "postcopy-page-not-announced", now)
        end
    end
end

local function judge_pages(item, again, now)
    local is_listed = item.whole and item.count ~= nil and item.listed >= item.count
    if item.name == "POSTCOPY_PFNS" then
        now.lists_whole = now.lists_whole and is_listed
        for _, run in ipairs(again) do
            broken(item, "postcopy-pfn-announced-twice", "%s announced before", named(run))
        end
    elseif item.name == "POSTCOPY_PAGE_DATA" then
        now.pages_whole = now.pages_whole and is_listed
        now.page_data = item
        judge_race(now)
        if not item.is_listed then judge_page_runs(item, now) end
        for _, run in ipairs(again) do broken(item, "postcopy-page-repeated", "%s sent before", named(run)) end
    end
end

-- Whether the postcopy phase had not begun when a record of the reverse direction was captured. Whether that breaks a
-- rule only the end can say.
local function is_early(now)
    return not now.transition and now.state ~= nil
end

local function judge_fault(item, again, now)
    if now.complete then
        broken(item, "postcopy-fault-after-complete", "POSTCOPY_COMPLETE was at offset %.0f", now.complete.offset)
    end
    local early = is_early(now)
    for _, run in ipairs(item.runs or {}) do
        if run.kind ~= 0 then
            local says = "pfn %s has type bits 0x%x"
            broken(item, "postcopy-fault-has-type", says, hexadecimal(run.first), run.kind)
        end
        if not early then judge_unannounced(item, run, "postcopy-fault-not-announced", now) end
    end
    for _, run in ipairs(again) do broken(item, "postcopy-fault-repeated", "%s asked for before", named(run)) end
    for _, fault in ipairs(item.latest or {}) do
        local page = fault.answer
        local was_there = page and (page.holes or 0) == 0 and page.last_frame <= item.last_frame
        if was_there and knew(item, page) then
            local says = "pfn %s was acknowledged to the source already: its record ended in frame %d, %s before"
            local since = duration(item.first_time - page.last_time)
            broken(item, "postcopy-fault-after-page", says, hexadecimal(fault.pfn), page.last_frame, since)
        end
    end
    item.latest = nil
end

local function judge_reverse(item, again, now)
    if item.name == "POSTCOPY_FAULT" then
        judge_fault(item, again, now)
    elseif item.name == "POSTCOPY_COMPLETE" and not now.complete then
        if is_early(now) then
            now.early_complete = now.early_complete or item
        else
            now.complete = item
            judge_race(now)
        end
    end
end

-- Texts

-- Whether a text may have gone by that was not captured.
local function may_hide_texts(channel)
    for _, flow in ipairs({ channel.forward or false, channel.reverse or false }) do
        if not flow or not is_whole(flow) or (flow.peer.acked or 0) > flow.next then return true end
    end
    return false
end

local function judge_text(item, now)
    if not item.complete then return end
    local expected = HANDSHAKE[now.kind == "postcopy" and "postcopy" or "live"]
    local name, message = item.message and item.message.name or "text", item.message
    local wanted, is_expected = {}, message ~= nil and may_hide_texts(item.channel)
    for _, one in ipairs(expected[now.handshake or "start"] or {}) do
        wanted[#wanted + 1] = format("%s (%s)", one.text, one.direction)
        is_expected = is_expected or (one.direction == item.direction and one.text == name)
    end
    if not is_expected then
        local said = item.body:sub(1, 60):gsub("[^ -~]", ".")
        local should_be = wanted[1] and table.concat(wanted, " or ") or "nothing"
        broken(item, "xl-handshake", "expected %s, this says '%s'", should_be, said)
    end
    if not is_expected and not expected[name] then
        -- It stands where the expected one should, so the answer to that one will follow.
        for _, one in ipairs(expected[now.handshake or "start"] or {}) do
            if one.direction == item.direction then
                name = one.text
                break
            end
        end
    elseif name == "report" and byte(item.body, -1) ~= 0 then
        broken(item, "xl-target-failed", "the destination reports status %d", byte(item.body, -1))
        name = "failed report"
    end
    now.handshake = name
end

-- Types 0x10 to 0x12 are postcopy records in a stream of version 2. By its body a record of version 3 with these
-- numbers shows all the same, as long as postcopy has not begun.
local function static_data(item, now)
    local length = item.body_length
    if item.channel.version ~= 2 or item.layer ~= "libxc" or item.direction ~= FORWARD then return nil end
    if now.begun or now.has_entries then return nil end
    if item.name == "POSTCOPY_PFNS_BEGIN" and length > 0 and length % 24 == 0 then
        return format("record 0x11 has %.0f octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none", length)
    elseif item.name == "POSTCOPY_PFNS" and length % 16 == 0 and length ~= 8 + 8 * (item.count or 0) then
        return format("record 0x12 has %.0f octets: MSR entries, and no list of pfns", length)
    elseif item.name == "POSTCOPY_BEGIN" and now.has_static_data then
        return "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
    end
    return nil
end

-- An item begins. Where the capture lost nothing, the way is lost for a header that cannot be believed, and that has a
-- rule of its own.
function judge_beginning(item)
    if item.skipped > 0 and (item.flow.gaps > 0 or item.flow.torn) then
        local says = "%s octets before this record could not be followed"
        broken(item, "stream-resynchronised", says, grouped(item.skipped))
    end
end

-- All entries of a pages record were seen: what they break is told, even if the record's pages never come.
function judge_listed(item)
    local now = item.channel.now
    if static_data(item, now) then return end
    item.is_listed = true
    judge_length(item)
    judge_entries(item)
    if item.name == "POSTCOPY_PAGE_DATA" and item.direction == FORWARD then judge_page_runs(item, now) end
end

-- What later rules have to know of a record.
local function remember_for_rules(item, now)
    if not item.whole or is_misdirected(item) then return end
    if item.name == "PAGE_DATA" and (item.listed or 0) > 0 then now.has_entries = true end
    if item.name == "POSTCOPY_BEGIN" then now.begun = true end
    if starts_with(item.name, "POSTCOPY_") and item.name ~= "POSTCOPY_COMPLETE" then now.kind = "postcopy" end
end

-- An item has ended: matches it with others and judges it, in the order in which items end on the wire.
function take_in(item)
    local channel, now = item.channel, item.channel.now
    local total = channel.totals[item.name] or { records = 0, octets = 0 }
    total.records, total.octets = total.records + 1, total.octets + item.length
    channel.totals[item.name] = total
    if item.direction == FORWARD and not now.first_forward then
        now.first_forward = true
        if channel.late or item.flow.late then forget(now) end
    end
    local version_3 = item.type and static_data(item, now)
    local again = {}
    if item.layer == "libxc" and item.type and not version_3 then again = match(channel.faults, item) end
    if item.type and not version_3 then remember_for_rules(item, now) end
    if item.skipped > 0 and item.direction == FORWARD then forget(now) end
    if not item.layer then
        return -- it was judged where it began
    elseif not item.type and not item.spec then
        judge_text(item, now)
    elseif version_3 then
        now.has_static_data = true
        broken(item, "static-data-in-v2", "%s", version_3)
    else
        judge_alone(item)
        if item.type and is_misdirected(item) then
            broken(item, "wrong-direction", "%s goes %s only", item.name, item.spec.direction)
        elseif item.spec and item.direction == FORWARD then
            judge_order(item, now)
            judge_pages(item, again, now)
        elseif item.spec then
            judge_reverse(item, again, now)
        end
    end
end

end
