-- What a frame shows is a function of its place in the stream and of what is known of the stream: of the items that
-- begin or go on there. On the first pass, which knows no later frame, what ends in a frame is shown there, too.

local is_watched, latency_of, show_contents, show_frame
do

local function made(tree, field, value)
    tree:add(field, value):set_generated()
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

-- Adds the fields of a layout: `source` gives the range of octets of the body.
local function show_layout(tree, layout, body, at, big, source)
    local visitor, lines = {}, 0
    function visitor.field(field, from, size, _, context)
        if not field.field then return end
        local range = source(from, size)
        if field.kind == "uint" then
            local line = big and context:add(field.field, range) or context:add_le(field.field, range)
            for _, one in ipairs(field.parts or {}) do
                if big then line:add(one.field, range) else line:add_le(one.field, range) end
            end
        elseif field.kind == "rest" or field.kind == "octets" then
            if size > 0 then context:add(field.field, range) end
        else
            add(context, field.field, range, (body:sub(from + 1, from + size):gsub("%z+$", "")))
        end
    end
    function visitor.element(field, index, from, context)
        lines = lines + 1
        if settings.lines > 0 and lines > settings.lines then return nil end
        if not field.field then return context end
        return add(context, field.field, source(from, 1), format("%s %d", field.name, index))
    end
    walk(layout, body, at, big, visitor, tree)
end

-- The body of an item: from the frame, or, where it is not all in it, in a tab of its own.
local function show_body(tree, item, place)
    local body = item.body
    if not body or body == "" then return end
    local start = item.spec and item.type and item.offset + item.header or item.offset
    local tvb, shift = place.tvb, start - place.from
    if shift < 0 or shift + #body > tvb:len() then
        tvb, shift = ByteArray.new(body, true):tvb(item.name), 0
    end
    local function source(from, size)
        return size > 0 and tvb(shift + from, size) or nil
    end
    if item.message or not item.spec then
        local size = item.message and #item.message.octets or #body
        if item.type then return end
        tree:add(F.text, source(0, min(size, #body)), (body:sub(1, size):gsub("%z$", "")))
        if #body > size then tree:add(F.status, source(size, 1)) end
        return
    end
    show_layout(tree, item.spec.layout, body:sub(1, item.spec.size), 0, item.big, source)
    if item.spec.optional then
        show_layout(tree, item.spec.optional, body, item.spec.size, item.big, source)
    end
end

-- Runs

local function run_text(one, typed)
    local words = hexadecimal(one.first)
    if one.count > 1 then words = words .. "-" .. hexadecimal(one.first + one.count - 1) end
    return typed and words .. " " .. PAGE_TYPES[one.kind] or words
end

-- The entries of a pages record that end in the frame, in runs; one that is split is shown where it ends.
local function show_runs(tree, item, place)
    local start = item.offset + item.header
    local from = max(start, place.from)
    local range = item.entries_end and range_of(place, from, item.entries_end)
    if not range then return end
    local seen, shift = range:raw(), from - place.from
    local split = (from - start) % ENTRY_SIZE
    if split > 0 then
        local head = item.flow.split and item.flow.split[from]
        if head and #head == split then
            seen, shift = head .. seen, shift - split
        else
            seen, shift = seen:sub(ENTRY_SIZE - split + 1), shift + ENTRY_SIZE - split
        end
    end
    local runs = {}
    for index = 0, floor(#seen / ENTRY_SIZE) - 1 do
        local pfn, kind = entry_at(seen, index * ENTRY_SIZE, item.big)
        local latest = runs[#runs]
        if latest and kind == latest.kind and pfn == latest.first + latest.count then
            latest.count = latest.count + 1
        elseif settings.lines > 0 and #runs == settings.lines then
            tree:add(F.contents, "more runs: see the preference for how many lines are shown"):set_generated()
            break
        else
            runs[#runs + 1] = { first = pfn, kind = kind, count = 1, at = shift + index * ENTRY_SIZE }
        end
    end
    local typed = item.name ~= "POSTCOPY_FAULT"
    for _, one in ipairs(runs) do
        local at = max(one.at, 0)
        local where = place.tvb(at, min(ENTRY_SIZE * one.count + one.at - at, place.tvb:len() - at))
        local line = tree:add(F.run, where, run_text(one, typed))
        line:add(F.run_pfn, where, wide(one.first))
        line:add(F.run_count, where, one.count)
        if typed then line:add(F.run_type, where, one.kind) end
    end
end

-- Faults

local function relative(seconds)
    local whole = floor(seconds)
    local nanoseconds = floor((seconds - whole) * 1e9 + 0.5)
    if whole < 0 and nanoseconds > 0 then whole, nanoseconds = whole + 1, nanoseconds - 1000000000 end
    return NSTime.new(whole, nanoseconds)
end

function latency_of(item, answered)
    return answered.item.last_time - item.last_time
end

local function show_faults(tree, item, is_known)
    local slowest
    made(tree, F.fault_count, #item.pfns)
    for _, pfn in ipairs(item.pfns) do
        local answered = item.answers and item.answers[pfn]
        local words = "pfn " .. hexadecimal(pfn)
        if not answered then
            words = words .. (is_known and ", unanswered" or ", not answered up to this frame")
        elseif answered.in_flight then
            words = format("%s, in flight: page sent in frame %d", words, answered.item.last_frame)
        else
            local latency = latency_of(item, answered)
            words = format("%s, answered in frame %d after %s", words, answered.item.last_frame, duration(latency))
            slowest = max(slowest or latency, latency)
        end
        local line = tree:add(F.fault, words)
        line:set_generated()
        made(line, F.fault_pfn, wide(pfn))
        if answered then
            made(line, F.fault_answered_in, answered.item.last_frame)
            made(line, F.fault_latency, relative(latency_of(item, answered)))
            made(line, F.fault_in_flight, answered.in_flight)
        elseif is_known then
            line:add_proto_expert_info(UNANSWERED)
        end
    end
    if slowest then made(tree, F.fault_slowest, relative(slowest)) end
end

local function show_answers(tree, item)
    for _, one in ipairs(item.links or {}) do
        local line = tree:add(F.page_answers, one.item.last_frame)
        line:set_generated()
        made(line, F.page_answers_pfn, wide(one.pfn))
    end
    made(tree, F.page_pushed, item.listed - (item.links and #item.links or 0))
end

local function show_findings(tree, item)
    for _, finding in ipairs(item.findings or {}) do
        local line = tree:add(F.rule, finding.rule)
        line:set_generated()
        line:set_text(finding.rule .. ": " .. finding.message)
        line:add_proto_expert_info(EXPERTS[finding.rule], finding.rule .. ": " .. finding.message)
    end
end

-- Words

local function slowest_of(item)
    local slowest
    for _, one in ipairs(item.links or {}) do
        local latency = latency_of(item, one)
        if not one.in_flight then slowest = max(slowest or latency, latency) end
    end
    return slowest
end

-- An item in a few words, as far as it is known.
local function summary(item)
    local words = item.name
    if item.count then
        words = words .. " " .. many(item.count, "pfn")
        if item.name == "POSTCOPY_FAULT" then
            local slowest = slowest_of(item)
            if slowest then
                words = format("%s (slowest %s)", words, duration(slowest))
            elseif item.links then
                words = words .. " (in flight)"
            end
        elseif item.low then
            words = format("%s %s-%s", words, hexadecimal(item.low), hexadecimal(item.high))
        end
        if item.name == "POSTCOPY_PAGE_DATA" and item.links then
            words = format("%s (answers %s)", words, many(#item.links, "fault"))
        end
    end
    return words
end

-- Items

-- What is known of an item only when it has ended.
local function show_end(tree, item, place, is_known)
    if item.pfns then show_faults(tree, item, is_known) end
    if item.name == "POSTCOPY_PAGE_DATA" and item.listed and item.last_frame then show_answers(tree, item) end
    show_body(tree, item, place)
    show_findings(tree, item)
end

-- An item in the frame that holds the end of its header. `is_known`: all frames were looked at.
local function show_item(top, item, place, is_known)
    local length = item.length
    if is_known and not item.last_frame then length = item.flow.next - item.offset end
    local tree = add(top, F.item, range_of(place, item.offset, item.offset + length), item.name)
    tree:set_text(format("%s %s", item.layer or "no layer:", summary(item)))
    made(tree, F.name, item.name)
    made(tree, F.migration, item.channel.number or 0)
    made(tree, F.direction, item.direction)
    if item.layer then made(tree, F.layer, item.layer) end
    if item.type then made(tree, F.type, item.type) end
    made(tree, F.offset, wide(item.offset))
    made(tree, F.length, wide(length))
    made(tree, F.body_length, wide(item.body_length))
    made(tree, F.first_frame, item.first_frame)
    if item.last_frame then
        made(tree, F.last_frame, item.last_frame)
        made(tree, F.complete, item.complete and (item.holes or 0) == 0)
    elseif is_known then
        made(tree, F.last_frame, item.flow.high_frame)
        made(tree, F.complete, item == item.flow.trailing and not item.flow.damaged)
    end
    if item.count then
        made(tree, F.count, item.count)
        show_runs(tree, item, place)
    end
    show_end(tree, item, place, is_known)
    return tree
end

local function contents_text(item, has_entries)
    local what = has_entries and "entries" or item.count and "page contents" or "more"
    return format("%s of %s in frame %d", what, item.name, item.first_frame)
end

-- More of an item whose header an earlier frame holds.
local function show_more(top, item, place)
    local has_entries = item.entries_end and place.from < item.entries_end
    local range = range_of(place, place.from, item.offset + item.length)
    local tree = add(top, F.contents, range, contents_text(item, has_entries))
    made(tree, F.contents_of, item.first_frame)
    if has_entries then show_runs(tree, item, place) end
    return tree
end

-- Whether anybody looks at what a frame of page contents says beside its one line.
function is_watched(root)
    return root.visible or root:referenced(F.contents) or root:referenced(F.contents_of)
end

-- A frame that holds page contents alone. Most frames of a capture do: one line is all that they may cost.
function show_contents(root, item, tvb, watched)
    local line = item.contents_line
    if not line then
        line = contents_text(item, false)
        item.contents_line = line
    end
    local tree = root:add(xenmig, tvb, line)
    if watched then
        tree:add(F.contents, tvb(), line):set_generated()
        made(tree, F.contents_of, item.first_frame)
    end
end

local INFO_ITEMS = 4 -- items of a frame that the Info column names

local function show_columns(pinfo, shown)
    pinfo.cols.protocol = "XENMIG"
    if not shown[1] then return end
    local words = {}
    for index = 1, min(#shown, INFO_ITEMS) do words[index] = summary(shown[index]) end
    if #shown > INFO_ITEMS then words[INFO_ITEMS + 1] = format("and %d more", #shown - INFO_ITEMS) end
    pinfo.cols.info = table.concat(words, ", ")
end

-- Everything in a frame. `place`: tvb, `from` and `to` (offsets in the stream); `found`, `ended`: the items that were
-- found and that ended in it, on the first pass.
function show_frame(root, pinfo, flow, place, found, ended)
    local items = flow.items
    local index = above(items, "offset", place.from) - 1
    local before = items[index]
    local is_known = found == nil
    if before and before.offset + before.header > place.from then index = index - 1 end
    local around = items[index]
    local goes_on = around and (around.offset + around.length > place.from or around == flow.trailing)
    local has_news = found and (found[1] or ended[1])
    local next_item = items[index + 1]
    local begins = next_item and next_item.offset + next_item.header <= place.to
    if not begins and not has_news then
        if not goes_on then return end
        if not (around.entries_end and place.from < around.entries_end) then
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, around, place.tvb, is_watched(root))
            return
        end
    end
    local top = root:add(xenmig, place.tvb())
    local more, shown, is_shown = nil, {}, {}
    local function show(item)
        if is_shown[item] then return end
        is_shown[item] = true
        shown[#shown + 1] = item
        show_item(top, item, place, is_known)
    end
    if goes_on and not (found and found[1] == around) then more = show_more(top, around, place) end
    for at = index + 1, #items do
        if items[at].offset + items[at].header > place.to then break end
        -- Where the frame is another, the header was sent again.
        if items[at].header_frame == pinfo.number and (is_known or items[at].is_announced) then show(items[at]) end
    end
    for _, item in ipairs(found or {}) do show(item) end
    for _, item in ipairs(ended or {}) do
        if not is_shown[item] then
            local tree = item == around and more or top:add(F.contents, contents_text(item, false))
            show_end(tree, item, place, is_known)
        end
    end
    show_columns(pinfo, shown)
end

end
