-- What of the parser and the rules is by hand: octets to numbers, layouts, lists of pages, sets of pfns.

local byte, floor, format, max, min, uint = string.byte, math.floor, string.format, math.max, math.min, py.uint

local TWO_32, ENTRY_SIZE = 4294967296, 8
local native = { FOREVER = 2 ^ 53 }

-- What Wireshark does not judge, or does not join.
function native.nothing() return {} end

native.Nothing = py.class("Nothing")
function native.Nothing.of() return nil end
function native.Nothing.forget() end

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

function native.rows_of(body) return body end
function native.reserved_of(body) return body.reserved or {} end
function native.fixed(layout) return { { size = layout.body.size } } end

-- A number as far as it is one: 64 bits are hexadecimal digits.
function native.integer(octets, endianness)
    if #octets < 8 then return uint(octets, endianness) end
    return py.hex(endianness == "big" and octets or octets:reverse(), "")
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
end

-- The line of text of a header or record; empty where a field of it was not captured.
function native.summary_of(record)
    local spec = record.spec
    local is_known, text = pcall(function()
        local values = runtime_layouts.values_of(spec.body, record.body, record.endianness)
        return (spec.summary:gsub("{([^:}]+):?([^:}]*):?([^}]*)}", function(path, form, words)
            return protocol_summaries._field(values, path, form ~= "" and form or nil, words)
        end))
    end)
    return is_known and text or ""
end

-- Octets of a packet: of a Tvb, or of a string where they had to wait.
function native.octets_of(source, from, length)
    if length <= 0 then return "" end
    return type(source) == "string" and source:sub(from + 1, from + length) or source:raw(from, length)
end

-- How many of a list, in the order of `key`, have one that is not above a value.
function native.above(list, key, value)
    local low, high = 1, #list + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if list[middle][key] > value then high = middle else low = middle + 1 end
    end
    return low - 1
end

-- The rules. What calls one gives a template, if it is not the rule's only one, and the values in it.
local RULE, VIOLATION = {}, {}

function VIOLATION.__call(rule, template, values)
    return rules_rule.Violation(rule, py.fill(template or rule.message, values or {}))
end
