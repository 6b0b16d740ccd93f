-- What of the parser and the rules is by hand: octets to numbers, layouts, lists of pages, sets of pfns.

local byte, floor, format, max, min, uint = string.byte, math.floor, string.format, math.max, math.min, py.uint

local TWO_32, ENTRY_SIZE = 4294967296, 8
local native = { FOREVER = 2 ^ 53 }

-- What Wireshark does not judge, or does not join.
function native.nothing() return {} end

native.Nothing = py.class("Nothing")
function native.Nothing.of() return nil end
function native.Nothing.forget() end
function native.Nothing.note_cipher() end
function native.Nothing.note_crowd() end

-- Where octets were captured; quicker than the class's own constructor.
local function position_at(frame, time) return setmetatable({ frame = frame, time = time }, events.Position._meta) end

-- An entry of a pages record: bits 63 to 60 page type, 59 to 52 reserved, 51 to 0 pfn. Gives pfn, type, reserved.
local function entry_at(octets, at, big)
    local a, b, c, d, e, f, g, h = byte(octets, at + 1, at + ENTRY_SIZE)
    if not big then a, b, c, d, e, f, g, h = h, g, f, e, d, c, b, a end
    local pfn = (((((b % 16 * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g) * 256 + h
    return pfn, floor(a / 16), a % 16 * 16 + floor(b / 16)
end

-- Calls visit(index, pfn, type, reserved) for each whole entry; goes on until that gives something, and gives it.
local function each_entry(octets, endianness, visit)
    for index = 0, floor(#octets / ENTRY_SIZE) - 1 do
        local found = visit(index, entry_at(octets, index * ENTRY_SIZE, endianness == "big"))
        if found ~= nil then return found end
    end
    return nil
end

-- The entries of a pages record as runs.
local function runs_of(octets, endianness)
    local runs, latest, following = {}, nil, nil
    each_entry(octets, endianness, function(_, pfn, kind)
        if latest and kind == latest.type and pfn == following then
            latest.length = latest.length + 1
        else
            latest = events.Run(pfn, 1, kind)
            runs[#runs + 1] = latest
        end
        following = pfn + 1
    end)
    return runs
end

local listed = {} -- the list that was asked for last: the packet that ends a list asks more than once

function native.page_runs(body, endianness)
    if listed.body ~= body or listed.endianness ~= endianness then
        local count = #body < 8 and 0 or uint(body:sub(1, 4), endianness)
        local runs = runs_of(body:sub(9, 8 + ENTRY_SIZE * count), endianness)
        listed = { body = body, endianness = endianness, runs = runs }
    end
    return listed.runs
end

function native.backed_pages(octets, endianness, is_reverse)
    local backed = 0
    local is_wrong = each_entry(octets, endianness, function(_, pfn, kind, reserved)
        if protocol_libxc.RESERVED_PAGE_TYPES[kind] or reserved ~= 0 or pfn >= PFN_LIMIT then return true end
        if is_reverse and kind ~= 0 then return true end
        backed = backed + (protocol_libxc.UNBACKED[kind] and 0 or 1)
    end)
    return not is_wrong and backed or nil
end

function native.first_reserved(octets, endianness)
    return each_entry(octets, endianness, function(index, _, _, reserved)
        if reserved == 0 then return nil end
        local entry = octets:sub(index * ENTRY_SIZE + 1, (index + 1) * ENTRY_SIZE)
        return { index, py.hex(endianness == "big" and entry or entry:reverse(), "") }
    end)
end

-- Where eight octets may be a record header.
function native.candidates(octets, endianness)
    local found, at = {}, octets:find(CANDIDATES[endianness])
    while at do
        found[#found + 1] = at - 1
        at = octets:find(CANDIDATES[endianness], at + 1)
    end
    return found
end

-- Where one of the types that may follow a state stands first.
function native.next_state_end(octets, at)
    local first
    for _, kind in ipairs(parser_steps.STATE_ENDS) do
        local found = octets:find(py.to_bytes(kind, 8, "little"), at + 1, true)
        if found and (not first or found < first) then first = found end
    end
    return first and first - 1
end

-- What a request's head says.
function native.xenops_request(head)
    local path = head:match("^PUT /services/xenops/(%S+) HTTP/1%.[01]\r\n")
    path = path and path:gsub("%?.*$", "")
    local route = path and (path:match("^(migrate/%l+)/[^/]+$") or path:match("^([^/]+)/[^/]+$"))
    local role = route and protocol_xenops.ROUTES[route]
    if not role then return nil end
    local cookies = {}
    for line in head:gmatch("\n[Cc][Oo][Oo][Kk][Ii][Ee]:([^\n]*)") do
        for name in line:gmatch("([^;=%s]+)%s*=") do cookies[name] = true end
    end
    local has_own_memory = role == "migration" and cookies.mem_migration ~= nil
    return { role = role, has_own_memory = has_own_memory, is_compressed = cookies.compress ~= nil }
end

-- Layouts

function native.layout(body, endianness) return { body = body, endianness = endianness } end
function native.fixed(layout) return { { size = layout.body.size } } end

-- A number as far as it is one: 64 bits are hexadecimal digits.
local function integer(octets, size, endianness)
    if size < 8 then return uint(octets, endianness) end
    return py.hex(endianness == "big" and octets or octets:reverse(), "")
end

-- How many octets a field takes that stands at `at`, and how many more belong to it but are no value.
local function size_of(field, octets, at, values)
    if field.kind == "rest" then return #octets - at, 0 end
    if field.kind ~= "cstring" then return values[field.size] or field.size, 0 end
    local nul = octets:find("\0", at + 1, true)
    return nul and nul - 1 - at, 1
end

-- Follows a layout through a body: field(field, at, size, values, context) is called for each field, with the values of
-- those before it, element(field, index, at, context) for each element of an array: what it gives is the context of the
-- fields inside. Gives the offset after the last field; nil if the octets are too few.
local function walk(layout, octets, at, endianness, visitor, context, values)
    values = values or {}
    for _, field in ipairs(layout) do
        if field.kind == "array" then
            local index, count, is_last = 0, field.times or values[field.by], false
            while index ~= count and not is_last do
                local last, after = {}, nil
                if at < #octets then
                    local inside = visitor and visitor.element(field, index, at, context)
                    after = walk(field, octets, at, endianness, inside and visitor, inside, last)
                end
                if not after and (count or field.ending) then return nil end
                if not after then break end
                index, at = index + 1, after
                is_last = field.ending and last[field.ending[1]] == field.ending[2]
            end
        else
            local size, more = size_of(field, octets, at, values)
            if not size or at + size + more > #octets then return nil end
            if field.kind == "uint" then
                values[field.name or 1] = integer(octets:sub(at + 1, at + size), size, endianness)
            end
            if visitor then visitor.field(field, at, size, values, context) end
            at = at + size + more
        end
    end
    return at
end

function native.measure(layout, octets) return walk(layout.body, octets, 0, layout.endianness) end

-- The fields of a header as the numbers they are.
function native.header_numbers(spec, body, endianness)
    local values = {}
    walk(spec.body, body, 0, endianness, nil, nil, values)
    return values
end

-- The values of a layout as templates want them: enumerations by name, bits and elements as tables.
function native.values_of(layout, octets, endianness)
    local visitor = {}
    function visitor.field(field, at, size, values, context)
        local value = values[field.name or 1]
        if field.parts then
            context[field.name] = {}
            for _, part in ipairs(field.parts) do
                context[field.name][part.name] = floor(value / 2 ^ part.shift) % 2 ^ part.width
            end
        else
            value = field.kind == "uint" and value or { octets = size, text = octets:sub(at + 1, at + size) }
            context[field.name or 1] = field.names and field.names[value] or value
        end
    end
    function visitor.element(field, index, _, context)
        context[field.name] = context[field.name] or {}
        context[field.name][index + 1] = {}
        return context[field.name][index + 1]
    end
    local values = {}
    walk(layout, octets, 0, endianness, visitor, values)
    return values
end

function native.header_values(p, spec, endianness)
    return native.values_of(spec.body, p.buffer:sub(1, spec.size), endianness)
end

function native.reserved_set(layout, octets, endianness)
    return py.map(layout.reserved or {}, function(one)
        local field, at, size, shift, width = py.unpack(one)
        if #octets < at + size then return nil end
        local bits_set = floor(uint(octets:sub(at + 1, at + size), endianness) / 2 ^ shift) % 2 ^ width
        return bits_set ~= 0 and { field, bits_set } or nil
    end)
end

-- A check, and whether a record breaks it, or the values of a header or entry.
function native.prepared(rule, check)
    local is_of_values = check.scope == "header" or check.scope == "entry"
    local function holds(thing)
        for _, condition in ipairs(check.when) do
            local value = is_of_values and thing[condition.field] or rules_fields.OF_RECORD[condition.field](thing)
            if not rules_fields.COMPARE[condition.op](value, condition.value) then return false end
        end
        return true
    end
    return { rule = rule, check = check, holds = holds }
end

-- Each rule that a record broke, once.
function native.once(broken)
    local firsts, counts = {}, {}
    for _, violation in ipairs(broken) do
        local id = violation.rule.id
        if not counts[id] then firsts[#firsts + 1] = violation end
        counts[id] = (counts[id] or -1) + 1
    end
    return py.map(firsts, function(first)
        local more = counts[first.rule.id]
        return more == 0 and first or py.with(first, "message", first.message .. py.fill(AND_MORE, { more = more }))
    end)
end

-- A set of pfns, 32 to a word.
native.PfnSet = py.class("PfnSet")

function native.PfnSet:_init()
    self.count, self.words, self.overflow = 0, {}, false
end

function native.PfnSet:contains(pfn)
    local place = pfn % 32
    return bit.band(self.words[(pfn - place) / 32] or 0, bit.lshift(1, place)) ~= 0
end

-- Adds so many pfns from one on; how many were new.
function native.PfnSet:add_run(first, count)
    local words, before = self.words, self.count
    for pfn = first, first + count - 1 do
        local place = pfn % 32
        local word, mask = (pfn - place) / 32, bit.lshift(1, place)
        local known = words[word] or 0
        if bit.band(known, mask) == 0 then
            words[word] = bit.bor(known, mask)
            self.count = self.count + 1
        end
    end
    return self.count - before
end

-- Whether pages are missing at the end: that only the end can tell, which nobody knows here.
function native.PfnSet:count_common() return self.count end

-- The first pfn of a run that is in the set, or that is not.
function native.PfnSet:first_of_run(first, count, present)
    for pfn = first, first + count - 1 do
        if self:contains(pfn) == present then return pfn end
    end
    return nil
end

-- The line of text of a header or record; empty where a field of it was not captured.
local function summary_of(item)
    local is_known, text = pcall(function()
        local values = native.values_of(item.spec.body, item.body, item.endianness)
        return (item.spec.summary:gsub("{([^:}]+):?([^:}]*):?([^}]*)}", function(path, form, words)
            return protocol_summaries._field(values, path, form ~= "" and form or nil, words)
        end))
    end)
    return is_known and text or ""
end

-- The rules. What calls one gives a template, if it is not the rule's only one, and the values in it.
local RULE, VIOLATION = {}, {}

function VIOLATION.__call(rule, template, values)
    return rules_rule.Violation(rule, py.fill(template or rule.message, values or {}))
end

-- `severities`: what Wireshark calls those of its findings, by what the rules call them; nil: it does not judge it.
local function declare_rule(id, severity, rule, severities, summary)
    rule.id, rule.severity, rule.wireshark = id, severity, severities ~= nil
    RULE[id] = setmetatable(rule, VIOLATION)
    for said, shown in pairs(severities or {}) do
        local path = said == severity and "rule." .. id or "rule." .. id .. "." .. said
        declare_expert(id .. " " .. said, path, shown, summary)
    end
end

declare_expert("unanswered", "fault.unanswered", expert.severity.WARN, "The page of a faulted pfn never came")
