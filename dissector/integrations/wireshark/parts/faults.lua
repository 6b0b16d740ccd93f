local is_misdirected, new_faults, keeps_runs, match
do

local RECENT = 131072 -- pages that a fault may still turn out to have crossed on the wire
local PENDING = 65536 -- faults that wait for their page at most

function new_faults()
    return {
        outstanding = new_set(), -- announced pfns with backing data
        sent = new_set(),
        asked = new_set(),
        pending = {},
        pending_count = 0,
        carrier = {},
        recent = {},
        recent_first = 1,
        recent_last = 0,
        recent_pages = 0,
        announced = 0,
        pages = 0,
        fault_records = 0,
        faulted = 0,
        answered = 0,
        in_flight = 0,
    }
end

function is_misdirected(item)
    return item.spec ~= nil and item.spec.direction ~= nil
        and item.spec.direction ~= "both" and item.spec.direction ~= item.direction
end

-- Whether an item's first octet was captured before another's last.
local function began_before(item, frame)
    return item.first_frame < frame
end

local function link(item, pfn, other, in_flight)
    item.links = item.links or {}
    table.insert(item.links, { pfn = pfn, item = other, in_flight = in_flight })
    if item.name == "POSTCOPY_FAULT" then
        item.answers = item.answers or {}
        item.answers[pfn] = item.links[#item.links]
    end
end

local function answer(faults, fault, page)
    fault.answer = page
    fault.in_flight = began_before(page, fault.asked.last_frame)
    faults.answered = faults.answered + 1
    if fault.in_flight then faults.in_flight = faults.in_flight + 1 end
    link(fault.asked, fault.pfn, page, fault.in_flight)
    for _, asked in ipairs(fault.again or {}) do
        link(asked, fault.pfn, page, began_before(page, asked.last_frame))
    end
    link(page, fault.pfn, fault.asked, fault.in_flight)
end

local function announce(faults, item)
    local again = {}
    for _, run in ipairs(item.runs) do
        faults.announced = faults.announced + run.count
        if not UNBACKED[run.kind] then
            local before = faults.outstanding.count
            for pfn = run.first, run.first + run.count - 1 do faults.outstanding:add(pfn) end
            if faults.outstanding.count - before < run.count then again[#again + 1] = run end
        end
    end
    return again
end

-- A repeated fault counts for nothing, but has the same answer.
local function ask_again(faults, pfn, item)
    local page, waiting = faults.carrier[pfn], faults.pending[pfn]
    if page then
        link(item, pfn, page, began_before(page, item.last_frame))
    elseif waiting then
        waiting.again = waiting.again or {}
        table.insert(waiting.again, item)
    end
end

local function ask(faults, item)
    local again = {}
    faults.fault_records = faults.fault_records + 1
    item.latest = {}
    for _, run in ipairs(item.runs) do
        for pfn = run.first, run.first + min(run.count, PENDING) - 1 do
            if not faults.asked:add(pfn) then
                again[#again + 1] = { first = pfn, count = 1, kind = run.kind }
                ask_again(faults, pfn, item)
            else
                local fault = { pfn = pfn, asked = item }
                table.insert(item.latest, fault)
                faults.faulted = faults.faulted + 1
                if faults.carrier[pfn] then
                    answer(faults, fault, faults.carrier[pfn])
                elseif not faults.sent:has(pfn) and faults.pending_count < PENDING then
                    faults.pending[pfn] = fault
                    faults.pending_count = faults.pending_count + 1
                end
            end
        end
    end
    return again
end

-- The pages that came last can still be asked for by faults that are on their way.
local function remember(faults, item, run)
    for pfn = run.first, run.first + min(run.count, RECENT) - 1 do
        if not faults.carrier[pfn] then faults.carrier[pfn] = item end
        local fault = faults.pending[pfn]
        if fault then
            faults.pending[pfn] = nil
            faults.pending_count = faults.pending_count - 1
            answer(faults, fault, item)
        end
    end
    faults.recent_last = faults.recent_last + 1
    faults.recent[faults.recent_last] = { item = item, first = run.first, count = run.count }
    faults.recent_pages = faults.recent_pages + run.count
    while faults.recent_pages > RECENT and faults.recent_first < faults.recent_last do
        local old = faults.recent[faults.recent_first]
        faults.recent[faults.recent_first] = nil
        faults.recent_first = faults.recent_first + 1
        faults.recent_pages = faults.recent_pages - old.count
        for pfn = old.first, old.first + min(old.count, RECENT) - 1 do
            if faults.carrier[pfn] == old.item then faults.carrier[pfn] = nil end
        end
    end
end

local function send(faults, item)
    local again = {}
    for _, run in ipairs(item.runs) do
        faults.pages = faults.pages + run.count
        if not UNBACKED[run.kind] then
            local before = faults.sent.count
            for pfn = run.first, run.first + run.count - 1 do faults.sent:add(pfn) end
            if faults.sent.count - before < run.count then again[#again + 1] = run end
            remember(faults, item, run)
        end
    end
    return again
end

local function pfns_of(item)
    local pfns = {}
    for _, run in ipairs(item.runs) do
        for pfn = run.first, run.first + min(run.count, PENDING) - 1 do pfns[#pfns + 1] = pfn end
    end
    return pfns
end

local TAKES = { POSTCOPY_PFNS = announce, POSTCOPY_FAULT = ask, POSTCOPY_PAGE_DATA = send }

-- Whether the runs of a record have to be kept until its end.
function keeps_runs(item)
    return TAKES[item.name] ~= nil
end

-- Matches the faults and the pages of a libxc record that ended. Gives the runs that announce, ask for or send a page
-- a second time.
function match(faults, item)
    local takes = TAKES[item.name]
    if item.name == "POSTCOPY_FAULT" and item.runs then item.pfns = pfns_of(item) end
    if not takes or not item.whole or not item.runs or is_misdirected(item) then return {} end
    return takes(faults, item)
end

end
