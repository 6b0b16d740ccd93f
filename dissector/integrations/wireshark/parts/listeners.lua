do

-- Calls visit(item, pfn, answer) for each faulted pfn of a migration; no answer: the page never came.
local function each_fault(channel, visit)
    for _, item in ipairs(channel.reverse and channel.reverse.items or {}) do
        for _, pfn in ipairs(item.channel == channel and item.pfns or {}) do
            visit(item, pfn, item.answers and item.answers[pfn])
        end
    end
end

local function percentile(sorted, percent)
    return sorted[max(1, math.ceil(#sorted * percent / 100))]
end

local function faults_summary(channel, write)
    local faults, latencies = channel.faults, {}
    each_fault(channel, function(item, _, answered)
        if answered and not answered.in_flight then table.insert(latencies, latency_of(item, answered)) end
    end)
    table.sort(latencies)
    local asked, answered, in_flight = many(faults.faulted, "pfn"), grouped(faults.answered), grouped(faults.in_flight)
    write(format("  faults: %s asked for, %s answered, %s of them in flight already\n", asked, answered, in_flight))
    if not latencies[1] then return end
    write(format("  latency of those not in flight: min %s, ", duration(latencies[1])))
    write(format("median %s, ", duration(percentile(latencies, 50))))
    write(format("95 %% %s, max %s\n", duration(percentile(latencies, 95)), duration(latencies[#latencies])))
end

-- What each migration carried, by the names of records, headers and texts; and its faults.
local function summary_lines(write)
    if not capture.channels[1] then write("No Xen live migration was found.\n") end
    for _, channel in ipairs(capture.channels) do
        write(format("Migration %d: %s\n", channel.number, table.concat(channel.layers, ", ")))
        local names = {}
        for name in pairs(channel.totals) do names[#names + 1] = name end
        table.sort(names)
        for _, name in ipairs(names) do
            local total = channel.totals[name]
            write(format("  %-28s %10s %18s octets\n", name, grouped(total.records), grouped(total.octets)))
        end
        if channel.faults.fault_records > 0 then faults_summary(channel, write) end
    end
end

-- One line for each faulted pfn.
local function fault_lines(write)
    local line = "%-9s %9s %14s %11s  %s\n"
    write(format(line, "Migration", "Frame", "Pfn", "Answered in", "Latency"))
    for _, channel in ipairs(capture.channels) do
        each_fault(channel, function(item, pfn, answered)
            local where = answered and tostring(answered.item.last_frame) or "-"
            local late = answered and duration(latency_of(item, answered)) or "unanswered"
            if answered and answered.in_flight then late = "in flight" end
            write(format(line, tostring(channel.number), tostring(item.last_frame), hexadecimal(pfn), where, late))
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

if gui_enabled() then
    for name, report in pairs(REPORTS) do
        register_menu("Xen Live Migration/" .. name, function()
            flush()
            local window = TextWindow.new("Xen live migration: " .. name)
            report(function(line) window:append(line) end)
        end, MENU_TOOLS_UNSORTED)
    end
end

end
