-- Has tshark report each error of a dissector on standard error, also where it builds no tree to show it in: with
-- neither -V nor a filter, and on the first pass of two. To be loaded before the dissector.

local function loud(dissect)
    return function(...)
        local results = table.pack(xpcall(dissect, debug.traceback, ...))
        if not results[1] then
            io.stderr:write("Lua Error: ", tostring(results[2]), "\n")
            error(results[2], 0)
        end
        return table.unpack(results, 2, results.n)
    end
end

local class = debug.getregistry().Proto
local assign, look_up = class.__newindex, class.__index

class.__newindex = function(protocol, key, value)
    assign(protocol, key, key == "dissector" and loud(value) or value)
end

class.__index = function(protocol, key)
    local found = look_up(protocol, key)
    if key ~= "register_heuristic" then
        return found
    end
    return function(self, list, heuristic)
        found(self, list, loud(heuristic))
    end
end
