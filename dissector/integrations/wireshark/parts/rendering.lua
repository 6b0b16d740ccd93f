-- What a frame shows is a function of its place in the stream and of what is known of the stream: of the items that
-- begin or go on there. On the first pass, which knows no later frame, what ends in a frame is shown there, too.

local is_watched, latency_of, answers_of, duration, show_contents, show_frame
do

-- A number as Wireshark takes it for 64 bits.
local function wide(value)
    return UInt64.new(value % TWO_32, floor(value / TWO_32))
end

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

-- The layout that octets inside of a body have: the first that takes all of them.
local function inside_of(field, values, octets, endianness)
    local layouts = field.inside and field.inside[values[field.chosen_by] or 1]
    for _, name in ipairs(layouts or {}) do
        if walk(LAYOUT[name], octets, 0, endianness) == #octets then return LAYOUT[name] end
    end
end

-- The features that a register of a CPUID policy says, below its line.
local function show_features(line, field, values, range)
    local names = values.subleaf and FEATURES[format("%s %x %x", field.path, values.leaf, values.subleaf)]
    if not names then return end
    for bit = 0, 31 do
        local is_set = names[bit] and floor(values[field.name] / 2 ^ bit) % 2 == 1
        if is_set then line:add(F["cpuid.feature"], range, names[bit]) end
    end
end

-- Adds the fields of a layout, below `path`: `source` gives the range of octets of the body.
local function show_layout(tree, layout, path, body, at, endianness, source)
    local visitor, lines = {}, 0
    function visitor.field(field, from, size, values, context)
        local shown, range = F[path .. field.path], source(from, size)
        if field.kind == "uint" then
            local is_big = endianness == "big"
            local line = is_big and context:add(shown, range) or context:add_le(shown, range)
            for _, part in ipairs(field.parts or {}) do
                local bits_shown = F[path .. field.path .. "." .. part.name]
                if is_big then line:add(bits_shown, range) else line:add_le(bits_shown, range) end
            end
            show_features(line, field, values, range)
            local name = field.names and field.names[values[field.name]]
            if name and context ~= tree then context:append_text(" " .. name) end
        elseif field.kind == "rest" or field.kind == "octets" then
            if size == 0 or not shown then return end
            local line, octets = context:add(shown, range), body:sub(from + 1, from + size)
            local inside = inside_of(field, values, octets, endianness)
            if inside then
                local function part(start, length) return source(from + start, length) end
                show_layout(line, inside, inside.path, octets, 0, endianness, part)
            end
        else
            add(context, shown, range, (body:sub(from + 1, from + size):gsub("%z+$", "")))
        end
    end
    function visitor.element(field, index, from, context)
        lines = lines + 1
        if settings.lines > 0 and lines > settings.lines then return nil end
        local shown = field[1].name and F[path .. field.path]
        return shown and add(context, shown, source(from, 1), format("%s %d", field.name, index)) or context
    end
    walk(layout, body, at, endianness, visitor, tree)
end

-- The body of an item: from the frame, or, where it is not all in it, in a tab of its own.
local function show_body(tree, item, place)
    local body, spec = item.body, item.spec
    if not body or body == "" or (item.type and (not spec or spec.shape == "pages")) then return end
    local start = item.type and item.offset + item.header or item.offset
    local tvb, shift = place.tvb, start - place.from
    if shift < 0 or shift + #body > tvb:len() then
        tvb, shift = ByteArray.new(body, true):tvb(item.name), 0
    end
    local function source(from, size)
        return size > 0 and tvb(shift + from, size) or nil
    end
    if spec and not spec.body and not spec.octets then
        local at = item.name == "handshake" and 2 or 0 -- after its length
        if #body > at then tree:add(F.text, source(at, #body - at), body:sub(at + 1)) end
        return
    end
    if not spec or not spec.body then
        local size = spec and #spec.octets or #body
        tree:add(F.text, source(0, min(size, #body)), (body:sub(1, size):gsub("%z$", "")))
        if #body > size then tree:add(F.status, source(size, 1)) end
        return
    end
    local path, size = item.name:lower():gsub("[ -]", "_") .. ".", not item.type and spec.size or #body
    show_layout(tree, spec.body, path, body:sub(1, size), 0, item.endianness, source)
    if spec.optional then show_layout(tree, spec.optional, path, body, size, item.endianness, source) end
end

-- Runs

local function run_text(run, typed)
    local words = py.format(run.first, "#x")
    if run.length > 1 then words = words .. "-" .. py.format(run.first + run.length - 1, "#x") end
    return typed and words .. " " .. protocol_libxc.PAGE_TYPES[run.type] or words
end

-- Where the entries of a pages record end; nil as long as its count was not seen.
local function entries_end(item)
    local parser = item.flow.parser
    if not item.count and parser.item == item and #parser.buffer >= 8 then
        take_runs(item, parser.buffer, native.page_runs(parser.buffer, item.endianness))
    end
    local body = item.count and min(item.body_length, 8 + ENTRY_SIZE * min(item.count, parser_item.ENTRIES_KEPT))
    return body and body >= 8 and item.offset + item.header + body - body % ENTRY_SIZE
end

-- Each pfn by itself, for whoever searches one: the runs show them.
local function show_pfns(tree, place, seen, shift, endianness)
    each_entry(seen, endianness, function(index, pfn)
        local at = max(shift + ENTRY_SIZE * index, 0)
        tree:add(F.pfn, place.tvb(at, shift + ENTRY_SIZE * (index + 1) - at), wide(pfn)):set_hidden()
    end)
end

-- The entries of a pages record that end in the frame, in runs; one that is split is shown where it ends.
local function show_runs(tree, item, place)
    local start = item.offset + item.header + 8
    local from, to = max(start, place.from), entries_end(item)
    local range = to and range_of(place, from, to)
    if not range then return end
    local seen, shift = range:raw(), from - place.from
    local split = (from - start) % ENTRY_SIZE
    if split > 0 then
        local head = item.flow.split[from] or ""
        if #head == split then
            seen, shift = head .. seen, shift - split
        else
            seen, shift = seen:sub(ENTRY_SIZE - split + 1), shift + ENTRY_SIZE - split
        end
    end
    local typed = item.spec.role ~= "POSTCOPY_FAULT"
    if tree:referenced(F.pfn) then show_pfns(tree, place, seen, shift, item.endianness) end
    for index, run in ipairs(runs_of(seen, item.endianness)) do
        if settings.lines > 0 and index > settings.lines then
            tree:add(F.contents, "more runs: see the preference for how many lines are shown"):set_generated()
            break
        end
        local at = max(shift, 0)
        local where = place.tvb(at, min(ENTRY_SIZE * run.length + shift - at, place.tvb:len() - at))
        shift = shift + ENTRY_SIZE * run.length
        local line = tree:add(F.run, where, run_text(run, typed))
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

function duration(seconds)
    local amount = math.abs(seconds)
    if amount < 1e-3 then return format("%.1f us", seconds * 1e6) end
    if amount < 1 then return format("%.1f ms", seconds * 1e3) end
    return format("%.3f s", seconds)
end

function latency_of(item, answered)
    return answered.item.last_time - item.last_time
end

-- The links of a fault by pfn.
function answers_of(item)
    local answers = {}
    for _, one in ipairs(item.links) do answers[one.pfn] = one end
    return answers
end

local function show_faults(tree, item)
    local answers, is_over = answers_of(item), capture.migrations[item.migration.number + 1].is_over
    made(tree, F["fault.count"], #item.pfns)
    for _, pfn in ipairs(item.pfns) do
        local answered = answers[pfn]
        local words = "pfn " .. py.format(pfn, "#x")
        if not answered then
            words = words .. (is_over and ", unanswered" or ", not answered yet")
        elseif answered.in_flight then
            words = format("%s, in flight: page sent in frame %d", words, answered.item.last_frame)
        else
            local latency = latency_of(item, answered)
            words = format("%s, answered in frame %d after %s", words, answered.item.last_frame, duration(latency))
        end
        local line = tree:add(F.fault, words)
        line:set_generated()
        made(line, F["fault.pfn"], wide(pfn))
        if answered then
            made(line, F["fault.answered_in"], answered.item.last_frame)
            if answered.in_flight then
                made(line, F["fault.lead"], relative(item.last_time - answered.item.first.time))
            else
                made(line, F["fault.latency"], relative(latency_of(item, answered)))
            end
            made(line, F["fault.in_flight"], answered.in_flight)
        elseif is_over then
            line:add_proto_expert_info(EXPERTS.unanswered)
        end
    end
end

local function show_answers(tree, item)
    for _, one in ipairs(item.links) do
        local line = tree:add(F["page.answers"], one.item.last_frame)
        line:set_generated()
        made(line, F["page.answers.pfn"], wide(one.pfn))
    end
    made(tree, F["page.pushed"], item.listed - #item.links)
end

local function show_findings(tree, item)
    for _, finding in ipairs(item.findings) do
        local line = tree:add(F.rule, finding.rule)
        line:set_generated()
        line:set_text(finding.rule .. ": " .. finding.message)
        local shown = EXPERTS[finding.rule .. " " .. finding.severity]
        line:add_proto_expert_info(shown, finding.rule .. ": " .. finding.message)
    end
end

-- Words

local function slowest_of(item)
    local slowest
    for _, one in ipairs(item.links) do
        local latency = latency_of(item, one)
        if not one.in_flight then slowest = max(slowest or latency, latency) end
    end
    return slowest
end

-- An item in a few words, as far as it is known.
local function summary(item)
    local words, role = item.name, item.spec and item.spec.role
    if item.summary and item.summary ~= "" then words = words .. " " .. item.summary end
    if item.spec and item.spec.shape == "pages" then entries_end(item) end
    if not item.count then return words end
    words = words .. " " .. protocol_summaries._many(item.count, "pfn")
    if role == "POSTCOPY_FAULT" then
        local slowest = slowest_of(item)
        if slowest then
            words = format("%s (slowest %s)", words, duration(slowest))
        elseif item.links[1] then
            words = words .. " (in flight)"
        end
    elseif item.low then
        words = format("%s %s-%s", words, py.format(item.low, "#x"), py.format(item.high, "#x"))
    end
    if role == "POSTCOPY_PAGES" and item.links[1] then
        words = format("%s (answers %s)", words, protocol_summaries._many(#item.links, "fault"))
    end
    return words
end

-- Items

-- What is known of an item only when it has ended.
local function show_end(tree, item, place)
    if item.pfns then show_faults(tree, item) end
    if item.spec and item.spec.role == "POSTCOPY_PAGES" and item.listed and item.last_frame then
        show_answers(tree, item)
    end
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
    made(tree, F.migration, item.migration.number or 0)
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
        join(item.flow)
        made(tree, F.last_frame, item.flow.parser.newest.frame)
        made(tree, F.complete, item == item.flow.trailing and not item.flow.parser.damaged)
    end
    if item.spec and item.spec.shape == "pages" then
        show_runs(tree, item, place)
        if item.count then made(tree, F.count, item.count) end
    end
    show_end(tree, item, place)
    return tree
end

local function contents_text(item, has_entries)
    local what = has_entries and "entries" or item.count and "page contents" or "more"
    return format("%s of %s in frame %d", what, item.name, item.first_frame)
end

-- More of an item whose header an earlier frame holds.
local function show_more(top, item, place)
    local to = item.spec and item.spec.shape == "pages" and entries_end(item)
    local has_entries = to and place.from < to
    local range = range_of(place, place.from, item.offset + item.length)
    local tree = add(top, F.contents, range, contents_text(item, has_entries))
    made(tree, F["contents.of"], item.first_frame)
    if has_entries then show_runs(tree, item, place) end
    return tree
end

-- Whether anybody looks at what a frame of page contents says beside its one line.
function is_watched(root)
    return root.visible or root:referenced(F.contents) or root:referenced(F["contents.of"])
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
        made(tree, F["contents.of"], item.first_frame)
    end
end

local INFO_ITEMS = 4 -- items of a frame that the Info column names

-- One value a frame, so that a column of it can be sorted.
local function show_slowest(tree, shown)
    local slowest
    for _, item in ipairs(shown) do
        local latency = item.pfns and slowest_of(item)
        if latency then slowest = max(slowest or latency, latency) end
    end
    if slowest then made(tree, F["fault.slowest"], relative(slowest)) end
end

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
        local to = around.spec and around.spec.shape == "pages" and entries_end(around)
        if not to or place.from >= to then
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
        if items[at].header_frame == pinfo.number then show(items[at]) end
    end
    for _, item in ipairs(found or {}) do show(item) end
    for _, item in ipairs(ended or {}) do
        if not is_shown[item] then
            local tree = item == around and more or top:add(F.contents, contents_text(item, false))
            show_end(tree, item, place)
        end
    end
    show_slowest(top, shown)
    show_columns(pinfo, shown)
end

end
