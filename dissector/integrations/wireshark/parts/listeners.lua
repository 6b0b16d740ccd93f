do

-- Calls visit(item, pfn, answer) for each faulted pfn of a migration; no answer: the page never came.
local function each_fault(migration, visit)
    for _, item in ipairs(migration.asked) do
        local answers = answers_of(item)
        for _, pfn in ipairs(item.pfns) do visit(item, pfn, answers[pfn]) end
    end
end

local function percentile(sorted, percent)
    return sorted[max(1, math.ceil(#sorted * percent / 100))]
end

local function faults_summary(migration, write)
    local faults, latencies = migration.faults, {}
    each_fault(migration, function(item, _, answered)
        if answered and not answered.in_flight then table.insert(latencies, latency_of(item, answered)) end
    end)
    table.sort(latencies)
    local says = "  faults: {asked:,} pfns asked for, {answered:,} answered, {in_flight:,} of them in flight already\n"
    local counts = { asked = faults.asked.count, answered = faults.answered, in_flight = faults.in_flight }
    write(py.fill(says, counts))
    if not latencies[1] then return end
    write(format("  latency of those not in flight: min %s, ", duration(latencies[1])))
    write(format("median %s, ", duration(percentile(latencies, 50))))
    write(format("95 %% %s, max %s\n", duration(percentile(latencies, 95)), duration(latencies[#latencies])))
end

-- What each migration carried, by the names of records, headers and texts; and its faults.
local function summary_lines(write)
    if not capture.migrations[1] then write("No Xen live migration was found.\n") end
    for _, migration in ipairs(capture.migrations) do
        write(format("Migration %d: %s\n", migration.number, table.concat(migration.context.layers, ", ")))
        local names = {}
        for name in pairs(migration.totals) do names[#names + 1] = name end
        table.sort(names)
        for _, name in ipairs(names) do
            local total = migration.totals[name]
            local records, octets = py.format(total.records, ","), py.format(total.octets, ",")
            write(format("  %-28s %10s %18s octets\n", name, records, octets))
        end
        if migration.faults.fault_records > 0 then faults_summary(migration, write) end
    end
end

-- One line for each faulted pfn.
local function fault_lines(write)
    local line = "%-9s %9s %14s %11s  %s\n"
    write(format(line, "Migration", "Frame", "Pfn", "Answered in", "Latency"))
    for _, migration in ipairs(capture.migrations) do
        each_fault(migration, function(item, pfn, answered)
            local where = answered and tostring(answered.item.last_frame) or "-"
            local late = answered and duration(latency_of(item, answered)) or "unanswered"
            if answered and answered.in_flight then late = "in flight" end
            local frame, shown = tostring(item.last_frame), py.format(pfn, "#x")
            write(format(line, tostring(migration.number), frame, shown, where, late))
        end)
    end
end

local REPORTS = { summary = summary_lines, faults = fault_lines }

-- `tshark -z xenmig,summary` and `-z xenmig,faults`: all is known when every frame was looked at.
for name, report in pairs(REPORTS) do
    register_stat_cmd_arg("xenmig," .. name, function()
        local listener = Listener.new("frame")
        function listener.draw()
            flush()
            report(function(line) io.write(line) end)
        end
    end)
end

-- What is in the menu Statistics, and there where other protocols have their response times. Lua can give Wireshark no
-- tables and no trees: a window of text, with a button for the packets that it is about.
local FAULTS = { report = "faults", button = "Show faults and answers", filter = "xenmig.fault || xenmig.page.answers" }
local SUMMARY = { report = "summary", button = "Show records", filter = "xenmig.item" }

local function offer(title, menu, one)
    register_menu(title, function()
        flush()
        local window = TextWindow.new("Xen live migration: " .. one.report)
        REPORTS[one.report](function(line) window:append(line) end)
        window:add_button(one.button, function()
            set_filter(one.filter)
            apply_filter()
        end)
    end, menu)
end

if gui_enabled() then
    offer("Xen Live Migration/Summary", MENU_STAT_UNSORTED, SUMMARY)
    offer("Xen Live Migration/Faults", MENU_STAT_UNSORTED, FAULTS)
    offer("Xen Live Migration", MENU_STAT_RESPONSE_TIME, FAULTS)
end

end
