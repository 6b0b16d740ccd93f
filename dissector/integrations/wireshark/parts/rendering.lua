-- What a frame shows is a function of its place in the stream and of what is known of the stream: of the items that
-- begin or go on there. On the first pass, which knows no later frame, what ends in a frame is shown there, too.

local is_watched, show_contents, show_frame
do

-- A number as Wireshark takes it for 64 bits.
local function wide(value) return UInt64.new(value % TWO_32, floor(value / TWO_32)) end

-- Adds what was found out rather than captured.
local function made(tree, path, value)
    local line = tree:add(F[path], IS_WIDE[path] and wide(value) or value)
    line:set_generated()
    return line
end

-- The part of a frame that belongs to octets of the stream from one offset up to another; nil if there is none.
local function range_of(place, from, to)
    from, to = max(from, place.from), min(to, place.from + place.tvb:len())
    if from >= to then return nil end
    return place.tvb(from - place.from, to - from)
end

local function add(tree, field, range, ...)
    if range then return tree:add(field, range, ...) end
    return tree:add(field, ...)
end

-- Fields

-- Adds a text, as far as it is one: Wireshark itself marks what is no UTF-8.
local function add_text(tree, field, range, text)
    local length = (text:find("%z") or #text + 1) - 1
    if range and length > 0 then return tree:add_packet_field(field, range(0, length), ENC_UTF_8 + ENC_STRING) end
    return add(tree, field, range, "")
end

-- The layout that octets inside of a body have: the first that takes all of them.
local function inside_of(one, octets, endianness, around)
    local chosen_by = one.row.chosen_by
    local layouts = one.row.inside and one.row.inside[one.values[chosen_by] or around[chosen_by] or 1]
    for _, name in ipairs(layouts or {}) do
        local layout = runtime_layouts.Ordered(LAYOUT[name], endianness)
        if runtime_layouts.measure(layout, octets) == #octets then return LAYOUT[name] end
    end
end

-- Some bits of a number, of which others than the lower 32 may be needed: a mask has no more in Wireshark 4.0.
local function bits_of(range, endianness, part)
    local number = endianness == "big" and range:uint64() or range:le_uint64()
    local width = part.width
    local mask = UInt64.new(2 ^ min(width, 32) - 1, 2 ^ max(width - 32, 0) - 1)
    return number:rshift(part.shift):band(mask)
end

-- The names of the bits that are set in a number, below the line of its value. `names`: by bit, nil if it has none.
local function show_bits(line, path, names, range, endianness)
    local number = names and (endianness == "big" and range:uint64() or range:le_uint64())
    for bit = 0, names and 63 or -1 do
        local name = names[bit]
        if name and number:rshift(bit):band(1):tonumber() == 1 then line:add(F[path], range, name) end
    end
end

-- The sections of QEMU's stream, below the line of its octets.
local function show_stream(line, octets, source)
    local around = { [0] = line }
    for _, one in ipairs(runtime_streams.lines(octets, settings.lines)) do
        local range, text = source(one.at, one.size), { one.text }
        around[one.depth + 1] = add(around[one.depth], F[one.path], range, table.unpack(text))
    end
end

-- Adds the fields of a layout, below `path`: `source` gives the range of octets of the body, `context` is what was said
-- before it.
local function show_layout(tree, layout, path, body, at, endianness, source, context)
    local reading, around = runtime_layouts.Reading(body, endianness, settings.lines), { [0] = tree }
    local basic = {} -- leaves of a CPUID policy, by number
    local add_number = endianness == "big" and tree.add or tree.add_le
    reading:follow(layout, at)
    for _, one in ipairs(reading.found) do
        local row, above = one.row, around[one.depth]
        local shown, range = F[path .. row.path], source(one.offset, one.size)
        local octets = body:sub(one.offset + 1, one.offset + one.size)
        if one.element then
            local words = format(one.is_whole and "%s %d" or "%s %d, not whole", row.name or "", one.element)
            around[one.depth + 1] = row.elements[1].name and shown and add(above, shown, range, words) or above
        elseif row.kind == "uint" then
            local line, name = add_number(above, shown, range), row.names and row.names[one.values[row.name]]
            for _, part in ipairs(row.parts or {}) do
                local shown_part = F[path .. row.path .. "." .. part.name]
                if part.shift + part.width <= 32 then
                    add_number(line, shown_part, range)
                else
                    line:add(shown_part, range, bits_of(range, endianness, part))
                end
            end
            local values = one.values
            local leaf = values.subleaf and format("%s %x %x", row.path, values.leaf, values.subleaf)
            show_bits(line, "cpuid.feature", FEATURES[leaf or ""], range, endianness)
            show_bits(line, "msr.bit", REGISTERS[values[row.register or ""]], range, endianness)
            if row.path == "cpuid_policy.d" and one.values.subleaf == protocol_cpuid.NO_SUBLEAF then
                basic[one.values.leaf] = one.values
            end
            if name and above ~= tree then above:append_text(" " .. name) end
        elseif row.kind == "rest" or row.kind == "octets" then
            local line = range and shown and above:add(shown, range)
            local inside = line and inside_of(one, octets, endianness, context)
            if line and row.is_stream_of_qemu then
                show_stream(line, octets, function(start, length) return source(one.offset + start, length) end)
            end
            if inside then
                local function part(start, length) return source(one.offset + start, length) end
                show_layout(line, inside, inside.path, octets, 0, endianness, part, context)
            end
        else
            add_text(above, shown, range, octets)
        end
    end
    for _, one in ipairs(runtime_words.processor(basic)) do made(tree, one[1], one[2]) end
    if reading.is_cut then made(tree, "contents", "more elements: see the preference for how many lines are shown") end
end

-- The body of an item: from the frame, or, where it is not all in it, in a tab of its own.
local function show_body(tree, shown, place)
    local item = shown.item
    local body, spec = item.body, item.spec
    if not body or body == "" or (item.type and (not spec or item.is_pages)) then return end
    local tvb, shift = place.tvb, item.offset - place.from
    if item.type then shift = shift + shown.header end
    if shift < 0 or shift + #body > tvb:len() then
        tvb, shift = ByteArray.new(body, true):tvb(item.name), 0
    end
    local function source(from, size) return size > 0 and tvb(shift + from, size) or nil end
    if spec and not spec.body and not spec.octets then
        local at = item.name == "handshake" and 2 or 0 -- after its length
        if #body > at then add_text(tree, F.text, source(at, #body - at), body:sub(at + 1)) end
        return
    end
    if not spec or not spec.body then
        local size = spec and #spec.octets or #body
        add_text(tree, F.text, source(0, min(size, #body)), body:sub(1, size))
        if #body > size then tree:add(F.status, source(size, 1)) end
        return
    end
    local path, size = item.name:lower():gsub("[ -]", "_") .. ".", not item.type and spec.size or #body
    local context = shown.migration.context
    show_layout(tree, spec.body, path, body:sub(1, size), 0, item.endianness, source, context)
    if spec.optional then show_layout(tree, spec.optional, path, body, size, item.endianness, source, context) end
end

-- Runs

-- Each pfn by itself, for whoever searches one: the runs show them.
local function show_pfns(tree, place, seen, shift, endianness)
    each_entry(seen, endianness, function(index, pfn)
        local at = max(shift + ENTRY_SIZE * index, 0)
        tree:add(F.pfn, place.tvb(at, shift + ENTRY_SIZE * (index + 1) - at), wide(pfn)):set_hidden()
    end)
end

-- The entries of a pages record that end in the frame, in runs; one that is split is shown where it ends, and one that
-- comes again not at all.
local function show_runs(tree, shown, place)
    local start = shown.offset + shown.header + 8
    local from, to = max(start, shown.half:fresh_from(place.frame, place.from)), shown:entries_end()
    local range = to and range_of(place, from, to)
    if not range then return end
    local seen, shift = range:raw(), from - place.from
    local split = (from - start) % ENTRY_SIZE
    if split > 0 then
        local head = shown.half.split[from] or ""
        if #head == split then
            seen, shift = head .. seen, shift - split
        else
            seen, shift = seen:sub(ENTRY_SIZE - split + 1), shift + ENTRY_SIZE - split
        end
    end
    local typed, endianness = shown.role ~= "POSTCOPY_FAULT", shown.item.endianness
    if tree:referenced(F.pfn) then show_pfns(tree, place, seen, shift, endianness) end
    for index, run in ipairs(runs_of(seen, endianness)) do
        if settings.lines > 0 and index > settings.lines then
            made(tree, "contents", "more runs: see the preference for how many lines are shown")
            break
        end
        local at = max(shift, 0)
        local where = place.tvb(at, min(ENTRY_SIZE * run.length + shift - at, place.tvb:len() - at))
        shift = shift + ENTRY_SIZE * run.length
        local line = tree:add(F.run, where, runtime_words.run(run, typed))
        line:add(F["run.pfn"], where, wide(run.first))
        line:add(F["run.count"], where, run.length)
        if typed then line:add(F["run.type"], where, run.type) end
    end
end

-- Faults

local function relative(seconds)
    local whole = floor(seconds)
    local nanoseconds = floor((seconds - whole) * 1e9 + 0.5)
    if whole < 0 and nanoseconds > 0 then whole, nanoseconds = whole + 1, nanoseconds - 1000000000 end
    return NSTime.new(whole, nanoseconds)
end

local function show_faults(tree, shown)
    local ties, is_over = shown:ties(), capture:kept_of(shown.migration.number).is_over
    made(tree, "fault.count", #shown.pfns)
    for _, pfn in ipairs(shown.pfns) do
        local tie = ties[pfn]
        local line = made(tree, "fault", runtime_words.fault(shown, pfn, tie, is_over))
        made(line, "fault.pfn", pfn)
        if tie then
            made(line, "fault.answered_in", tie.shown.last.frame)
            if tie.in_flight then
                made(line, "fault.lead", relative(shown.last.time - tie.shown.item.first.time))
            else
                made(line, "fault.latency", relative(runtime_words.latency(shown, tie)))
            end
            made(line, "fault.in_flight", tie.in_flight)
        elseif is_over then
            line:add_proto_expert_info(EXPERTS.unanswered)
        end
    end
end

local function show_answers(tree, shown)
    for _, tie in ipairs(shown.links) do
        local line = made(tree, "page.answers", tie.shown.last.frame)
        made(line, "page.answers.pfn", tie.pfn)
    end
    made(tree, "page.pushed", shown.listed - #shown.links)
end

local function show_broken(tree, shown)
    for _, one in ipairs(shown.broken) do
        local line, words = made(tree, "rule", one.rule), one.rule .. ": " .. one.message
        line:set_text(words)
        line:add_proto_expert_info(EXPERTS[one.rule .. " " .. one.severity], words)
    end
end

-- Items

-- What is known of an item only when it has ended.
local function show_end(tree, shown, place)
    if shown.pfns then show_faults(tree, shown) end
    if shown.role == "POSTCOPY_PAGES" and shown.listed and shown.whole then show_answers(tree, shown) end
    show_body(tree, shown, place)
    show_broken(tree, shown)
end

-- An item in the frame that holds the end of its header.
local function show_item(top, shown, place)
    local item = shown.item
    local tree = add(top, F.item, range_of(place, item.offset, item.offset + shown.length), item.name)
    tree:set_text(format("%s %s", item.layer or "no layer:", runtime_words.summary(shown)))
    for _, one in ipairs(runtime_words.fields(shown)) do made(tree, one[1], one[2]) end
    if item.is_pages then show_runs(tree, shown, place) end
    if shown.count then made(tree, "count", shown.count) end
    show_end(tree, shown, place)
    return tree
end

-- More of an item whose header an earlier frame holds.
local function show_more(top, shown, place)
    local item, to = shown.item, shown:entries_end()
    local has_entries = to and place.from < to
    local range = range_of(place, place.from, shown.offset + shown.length)
    local tree = add(top, F.contents, range, runtime_words.contents(shown, has_entries))
    made(tree, "contents.of", item.first.frame)
    if has_entries then show_runs(tree, shown, place) end
    return tree
end

-- Whether anybody looks at what a frame of page contents says beside its one line.
function is_watched(root)
    return root.visible or root:referenced(F.contents) or root:referenced(F["contents.of"])
end

-- A frame that holds page contents alone. Most frames of a capture do: one line is all that they may cost.
function show_contents(root, shown, tvb, watched)
    local line = shown.line
    if line == "" then
        line = runtime_words.contents(shown, false)
        shown.line = line
    end
    local tree = root:add(xenmig, tvb, line)
    if watched then
        tree:add(F.contents, tvb(), line):set_generated()
        made(tree, "contents.of", shown.item.first.frame)
    end
end

local INFO_ITEMS = 4 -- items of a frame that the Info column names

local function show_columns(pinfo, tree, all)
    pinfo.cols.protocol = "XENMIG"
    local words, longest = {}, nil
    for index, shown in ipairs(all) do
        if index <= INFO_ITEMS then words[index] = runtime_words.summary(shown) end
        local wait = shown.pfns and runtime_words.slowest(shown)
        if wait then longest = max(longest or wait, wait) end
    end
    -- One value a frame, so that a column of it can be sorted.
    if longest then made(tree, "fault.slowest", relative(longest)) end
    if #all > INFO_ITEMS then words[INFO_ITEMS + 1] = format("and %d more", #all - INFO_ITEMS) end
    if all[1] then pinfo.cols.info = table.concat(words, ", ") end
end

-- Everything in a frame. `place`: tvb, `from` and `to` (offsets in the stream); `found`, `ended`: the items that were
-- found and that ended in it, on the first pass.
function show_frame(root, pinfo, half, place, found, ended)
    local items = half.shown
    found, ended = found or {}, ended or {}
    local index = native.above(items, "offset", place.from)
    local before = items[index]
    if before and before.offset + before.header > place.from then index = index - 1 end
    local around, after = items[index], items[index + 1]
    local goes_on = around and (around.offset + around.length > place.from or around == half.trailing)
    local begins = after and after.offset + after.header <= place.to
    if not begins and not found[1] and not ended[1] then
        if not goes_on then return end
        local to = around:entries_end()
        if not to or place.from >= to then
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, around, place.tvb, is_watched(root))
            return
        end
    end
    local top, more, all, is_shown = root:add(xenmig, place.tvb()), nil, {}, {}
    local function show(shown)
        if is_shown[shown] then return end
        is_shown[shown] = true
        all[#all + 1] = shown
        show_item(top, shown, place)
    end
    if goes_on and found[1] ~= around then more = show_more(top, around, place) end
    for at = index + 1, #items do
        if items[at].offset + items[at].header > place.to then break end
        -- Where the frame is another, the header was sent again.
        if items[at].frame == pinfo.number then show(items[at]) end
    end
    for _, shown in ipairs(found) do show(shown) end
    for _, shown in ipairs(ended) do
        if not is_shown[shown] then
            local tree = shown == around and more or top:add(F.contents, runtime_words.contents(shown, false))
            show_end(tree, shown, place)
        end
    end
    show_columns(pinfo, top, all)
end

end
