do

local function percentile(sorted, percent)
    return sorted[max(1, math.ceil(#sorted * percent / 100))]
end

-- One line for each record type of a migration, and what became of its faults.
local function summary_lines(write)
    for _, channel in ipairs(capture.channels) do
        write(format("Migration %d: %s\n", channel.number, table.concat(channel.layers, ", ")))
        local names = {}
        for name in pairs(channel.totals) do names[#names + 1] = name end
        table.sort(names)
        for _, name in ipairs(names) do
            local total = channel.totals[name]
            write(format("  %-28s %10s %18s octets\n", name, grouped(total.records), grouped(total.octets)))
        end
        local faults = channel.faults
        if faults.fault_records > 0 then
            write(format("  %s faulted, %s answered, %s of them in flight\n",
                many(faults.faulted, "pfn"), grouped(faults.answered), grouped(faults.in_flight)))
            local sorted = {}
            for index, latency in ipairs(faults.latencies) do sorted[index] = latency end
            table.sort(sorted)
            if sorted[1] then
                write(format("  latency: min %s, median %s, 95 %% %s, max %s\n", duration(sorted[1]),
                    duration(percentile(sorted, 50)), duration(percentile(sorted, 95)), duration(sorted[#sorted])))
            end
        end
    end
    if not capture.channels[1] then write("No Xen live migration was found.\n") end
end

-- One line for each faulted pfn.
local function fault_lines(write)
    write(format("%-10s %-9s %-16s %-12s %s\n", "Migration", "Frame", "Pfn", "Answered in", "Latency"))
    for _, channel in ipairs(capture.channels) do
        for _, item in ipairs(channel.reverse and channel.reverse.items or {}) do
            for _, pfn in ipairs(item.channel == channel and item.pfns or {}) do
                local answered = item.answers and item.answers[pfn]
                local where = answered and tostring(answered.item.last_frame) or "-"
                local late = answered and duration(latency_of(item, answered)) or "unanswered"
                if answered and answered.in_flight then late = "in flight" end
                local shown = hexadecimal(pfn)
                write(format("%-10d %-9d %-16s %-12s %s\n", channel.number, item.last_frame, shown, where, late))
            end
        end
    end
end

local REPORTS = { summary = summary_lines, faults = fault_lines }

-- `tshark -z xenmig,summary` and `-z xenmig,faults`: all is known when every frame was looked at.
for name, report in pairs(REPORTS) do
    register_stat_cmd_arg("xenmig," .. name, function()
        local listener = Listener.new("frame")
        function listener.packet() end
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
