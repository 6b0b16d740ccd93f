-- Octets to items: the parser of each direction is translated; what it finds is kept here, to be shown.

local BODIES_KEPT = 33554432 -- octets of bodies that are kept after their record, of all connections together

-- All that is known of a capture.
local function new_capture()
    return {
        migrations = {}, -- by number, from 1 on
        found = {}, -- items found in the packet at hand
        ended = {}, -- and those that ended in it
        by_stream = {}, -- connections by Wireshark's number of them
        by_ends = {}, -- and by addresses and ports, one after the other
        followed = {}, -- connections in which no stream has begun, by number, then by sender
        followed_count = 0,
        pending_octets = 0, -- of packets in which one may have begun
        early_gaps = 0, -- directions of them in which octets are missing before some
        bodies_kept = 0, -- octets
        waiting = 0, -- flows that hold octets behind a gap
        asks = false, -- whether any page was asked for
        handled = 0, -- the packet that TCP handed over last
    }
end

local capture = new_capture()

-- What is known of one migration.
local function new_migration(number)
    local migration = {
        number = number,
        context = events.Context(),
        forward = facts_directions.DirectionFacts("forward"),
        reverse = facts_directions.DirectionFacts("reverse"),
        faults = facts_faults.Faults(),
        static_data = facts_static_data.StaticData(),
        links = facts_links._Growing(),
        is_capture = true,
        kind = "live",
        outcome = "incomplete", -- nothing is known of the end while packets come
        ended = {},
        totals = {},
        asked = {}, -- items that ask for pages
    }
    function migration.direction(_, direction) return migration[direction] end
    migration.checker = rules_checker.Checker(migration)
    return migration
end

-- Links of a record, as they come.
function facts_links._Growing._append(_, record, link)
    table.insert(record.item.links, { pfn = link.pfn, item = link.record.item, in_flight = link.in_flight })
end

-- What the facts make of a record.
local function note(migration, record)
    if record.context.revision >= migration.context.revision then migration.context = record.context end
    local total = migration.totals[record.name] or { records = 0, octets = 0 }
    total.records, total.octets = total.records + 1, total.octets + record.length
    migration.totals[record.name] = total
    local static_data = migration.static_data:add(record)
    if not record.type then return facts_migration.UNREMARKABLE end
    if static_data then return facts_migration.Noted(static_data) end
    if not record.whole or record.is_misdirected then return facts_migration.UNREMARKABLE end
    local role = facts_roles.role_of(record)
    if protocol_specs.POSTCOPY[role] and role ~= "POSTCOPY_COMPLETE" then migration.kind = "postcopy" end
    local matches = migration.faults:add(record)
    if matches == facts_faults.NOTHING then return facts_migration.UNREMARKABLE end
    for _, fault in ipairs(matches.answered) do migration.links:_link(fault) end
    for _, fault in ipairs(matches.repeated) do migration.links:_point(fault.asked, fault) end
    return facts_migration.Noted(nil, matches.again, matches.faults, matches.answered)
end

local function find(violation, record)
    local rule, item = violation.rule, (violation.record or record).item
    if not rule.wireshark then return end
    table.insert(item.findings, { rule = rule.id, severity = violation.gravity, message = violation.message })
end

function rules_checker.Checker._find(_, violation, record)
    find(violation, record)
end

-- What bodies say is judged by `xenshark check`.
rules_checker.Checker._contents = native.nothing

-- An item's entries, or what was captured of them.
local function take_runs(item, body, runs)
    item.count, item.runs, item.listed = #body >= 8 and uint(body:sub(1, 4), item.endianness) or nil, runs, 0
    for _, run in ipairs(runs) do
        item.listed = item.listed + run.length
        item.low, item.high = min(item.low or run.first, run.first), max(item.high or 0, run.first + run.length - 1)
    end
end

-- A record, header or text has ended, or was torn: everything that is to be known of it.
local function take_in(migration, record)
    local item, flow = record.item, record.item.flow
    item.length, item.last_frame, item.last_time = record.length, record.last.frame, record.last.time
    item.complete, item.findings = record.complete, {}
    if record.is_pages then
        take_runs(item, record.body, record.runs)
        if record.spec.role == "POSTCOPY_FAULT" then
            item.pfns = record:pfns()
            table.insert(migration.asked, item)
            capture.asks = true
        end
        item.body, item.runs = nil, nil
    elseif capture.bodies_kept + #record.body > BODIES_KEPT then
        item.body = nil
    else
        capture.bodies_kept = capture.bodies_kept + #record.body
    end
    if item.body and record.spec and record.spec.summary then item.summary = summary_of(item) end
    migration.checker:add(record, note(migration, record))
    local phase = migration.checker._phase
    local role = record.spec and record.spec.role
    migration.is_over = migration.is_over or role == "POSTCOPY_COMPLETE" or role == "LIBXC_END"
    if phase.raced and not migration.has_raced then
        migration.has_raced = true
        for _, violation in ipairs(rules_pages.judge_end(phase, migration)) do find(violation, record) end
    end
    table.insert(capture.ended, item)
    if flow.trailing == item then flow.trailing = nil end
end

local function emit(event)
    if py.is_a(event, "MigrationFound") then
        capture.migrations[event.migration + 1] = new_migration(event.migration)
        return
    end
    if not event.direction then return end -- of a connection that joins
    local migration = capture.migrations[event.migration + 1]
    migration[event.direction]:add(event)
    if py.is_a(event, "Record") then
        take_in(migration, event)
    else
        migration.checker:add(event, facts_migration.UNREMARKABLE)
    end
end

local Parser = parser_direction.DirectionParser
local begin, begin_trailing, read_item = Parser.begin, Parser.begin_trailing, Parser._read_item
local emit_item, begin_state = Parser._emit_item, Parser.begin_state

-- What is inside of something else, compressed or in libvirt's messages, is not followed.
function Parser:wrap() self:expect_next("NOTHING") end

-- An item can be shown from now on: in the packet that holds the end of its header.
local function announce(parser, item, header)
    local flow = parser.owner
    item.flow, item.header, item.links, item.findings = flow, header, {}, {}
    item.direction, item.migration = parser.direction, parser.migration
    item.length = item.end_ + item.padding - item.offset
    item.first_frame, item.header_frame = item.first.frame, item.first.frame
    table.insert(flow.items, item)
    table.insert(capture.found, item)
end

function Parser:begin(layer, name, kind, spec, endianness, header, length, ...)
    local frame = self:position().frame
    local size = header > 0 and header or spec and spec.size or min(length, #self.buffer)
    for index = self._marks.first, self._marks.last do
        local mark = self._marks[index]
        if mark[1] < self.offset + size then frame = mark[2].frame end
    end
    begin(self, layer, name, kind, spec, endianness, header, length, ...)
    announce(self, self.item, header > 0 and header or min(size, length))
    self.item.header_frame = frame
end

-- A record as far as it has come.
local function provisional(item, length)
    return py.make(events.Record, {
        migration = item.migration.number, direction = item.direction, layer = item.layer, name = item.name,
        type = item.type, spec = item.spec, endianness = item.endianness, offset = item.offset, length = length,
        body_length = item.body_length, body = item.body or "", runs = item.runs or {}, complete = false, whole = false,
        first = item.first, context = item.migration.context, item = item,
    })
end

function Parser:begin_trailing()
    begin_trailing(self)
    local item = self.trailing
    announce(self, item, 1)
    item.length = 1
    self.owner.trailing = item
    for _, violation in ipairs(rules_ending.judge_trailing(provisional(item, #self.buffer))) do
        find(violation, { item = item })
    end
end

-- A record whose header does not say how long it is.
function Parser:begin_state(layer, name, kind, spec, header)
    begin_state(self, layer, name, kind, spec, header)
    announce(self, self.trailing, header)
    self.trailing.length = header
    self.owner.trailing = self.trailing
end

-- All entries of a pages record were seen: what they break is told, even if the record's pages never come.
function Parser:_read_item(item)
    local is_listing = item.body == nil
    local went_on = read_item(self, item)
    if is_listing and item.body and self.item == item and item.spec and item.spec.shape == "pages" then
        take_runs(item, item.body, native.page_runs(item.body, item.endianness))
        local record = provisional(item, item.length)
        local migration, broken = capture.migrations[record.migration + 1], rules_framing.judge(record)
        if not record.is_misdirected then
            local noted, phase = facts_migration.UNREMARKABLE, migration.checker._phase
            py.extend(broken, rules_pages.judge_forward(record, noted, phase, migration))
        end
        for _, violation in ipairs(native.once(broken)) do find(violation, record) end
    end
    return went_on
end

local Record = getmetatable(events.Record).__call

function Parser:_emit_item(item, end_, padding, whole)
    capture.ending = item
    emit_item(self, item, end_, padding, whole)
end

-- Every record knows the item that it ends.
getmetatable(events.Record).__call = function(...)
    local record = Record(...)
    record.item = capture.ending
    return record
end

-- Octets

-- A list that comes in many packets is put together once: here are the parts that wait. And the parser hears only now
-- where the last of many page contents was that went by.
local function join(flow)
    if flow.passed_frame then
        flow.parser.newest, flow.passed_frame = position_at(flow.passed_frame, flow.passed_time), nil
    end
    if flow.parts[1] then
        flow.parser.buffer = flow.parser.buffer .. table.concat(flow.parts)
        flow.parts, flow.waiting_octets = {}, 0
    end
end

-- `length` octets of a packet from one on: `source` is a Tvb, or a string where they had to wait.
local function octets_of(source, from, length)
    if length <= 0 then return "" end
    return type(source) == "string" and source:sub(from + 1, from + length) or source:raw(from, length)
end

-- Whether the octets before a flow's first were not captured: neither begins it anything, nor is the other direction
-- known from its beginning on.
local function begins_late(flow, octets)
    if flow.has_origin and flow.parser.offset == 0 then return false end
    local beginning = octets:sub(1, 8)
    if py.startswith(parser_resync.BANNER, beginning) then return false end
    for magic in pairs(parser_resync.FORWARD_MAGICS) do
        if py.startswith(magic, beginning) then return false end
    end
    return not flow.peer.parser.found or flow.peer.parser.late
end

-- A segment ends inside an entry: the packet in which the entry ends has to show all of it.
local function remember_split(flow, seen)
    local item = flow.parser.item
    local size = item and not item.body and item.keep ~= 0 and (flow.next - item.offset - item.header) % ENTRY_SIZE or 0
    if size > 0 then flow.split[flow.next] = ((flow.split[flow.next - #seen] or "") .. seen):sub(-size) end
end

-- The next `length` octets, of which `captured` stand in `source` from `from` on.
local function feed(flow, source, from, length, captured, frame, time)
    local parser = flow.parser
    flow.next = flow.next + length
    if length < parser.skip or parser.expect == "NOTHING" then
        join(flow)
        if parser.expect ~= "NOTHING" then parser:pass_over(length, captured >= length, frame, time) end
        return
    end
    local seen = octets_of(source, from, min(length, captured))
    if not flow.is_started then
        flow.is_started = true
        parser:start(begins_late(flow, seen))
    end
    local size = #parser.buffer + flow.waiting_octets
    if #seen == length and parser.skip == 0 and size + length < parser.wanted then
        py.push(parser._marks, { parser.offset + size, events.Position(frame, time) })
        flow.parts[#flow.parts + 1], flow.waiting_octets = seen, flow.waiting_octets + length
    else
        join(flow)
        join(flow.peer)
        parser:feed(seen, length, captured >= length, frame, time)
    end
    remember_split(flow, seen)
end

local function lose(flow, length)
    join(flow)
    flow.next = flow.next + length
    flow.parser:lose(length)
end
