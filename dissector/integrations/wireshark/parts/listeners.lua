do

local REPORTS = { summary = runtime_words.report_summary, faults = runtime_words.report_faults }

-- All is known when every frame was looked at.
local function report_text(name)
    settle()
    return table.concat(REPORTS[name](capture), "\n") .. "\n"
end

-- `tshark -z xenmig,summary` and `-z xenmig,faults`.
for name in pairs(REPORTS) do
    register_stat_cmd_arg("xenmig," .. name, function()
        local listener = Listener.new("frame")
        function listener.draw() io.write(report_text(name)) end
    end)
end

-- What is in the menu Statistics, and there where other protocols have their response times. Lua can give Wireshark no
-- tables and no trees: a window of text, with a button for the packets that it is about.
local FAULTS = { report = "faults", button = "Show faults and answers", filter = "xenmig.fault || xenmig.page.answers" }
local SUMMARY = { report = "summary", button = "Show records", filter = "xenmig.item" }

local function offer(title, menu, one)
    register_menu(title, function()
        local window = TextWindow.new("Xen live migration: " .. one.report)
        window:set(report_text(one.report))
        window:add_button(one.button, function()
            set_filter(one.filter)
            apply_filter()
        end)
    end, menu)
end

-- In the menu of a packet, from Wireshark 4.4 on. Lua cannot add to Conversation Filter.
local function offer_filter(title, field, filter)
    register_packet_menu("Xen Live Migration/" .. title, function(...)
        for _, info in ipairs({ ... }) do
            if info.name == field then
                set_filter(format(filter, tonumber(tostring(info.value)))) -- of 64 bits it is no number
                apply_filter()
                return
            end
        end
    end, "xenmig," .. field)
end

if gui_enabled() and register_packet_menu then
    offer_filter("Records of this migration", "xenmig.migration", "xenmig.migration == %.0f")
    offer_filter("Conversation with this packet", "tcp.stream", "xenmig && tcp.stream == %.0f")
    offer_filter("Packets that list this page", "xenmig.fault.pfn", "xenmig.pfn == %.0f")
end

if gui_enabled() then
    offer("Xen Live Migration/Summary", MENU_STAT_UNSORTED, SUMMARY)
    offer("Xen Live Migration/Faults", MENU_STAT_UNSORTED, FAULTS)
    offer("Xen Live Migration", MENU_STAT_RESPONSE_TIME, FAULTS)
end

end
