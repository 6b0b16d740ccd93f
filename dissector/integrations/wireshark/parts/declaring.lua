local xenmig = Proto("xenmig", "Xen Live Migration")

local settings = { lines = 100 } -- what the preferences say

-- Every field of the protocol, in the order in which it is declared, and by its path below "xenmig.".
local all_fields, F = {}, {}
local IS_WIDE = {} -- those of 64 bits, for which a number of Lua has to be made another one

-- Declares a field: `kind` is the constructor in ProtoField, the rest its arguments.
local function declare(kind, path, ...)
    F[path] = ProtoField[kind]("xenmig." .. path, ...)
    all_fields[#all_fields + 1], IS_WIDE[path] = F[path], kind == "uint64"
end

-- Every expert information of the protocol, and those of rules by the rule's id.
local all_experts, EXPERTS = {}, {}

local function declare_expert(id, path, severity, says)
    EXPERTS[id] = ProtoExpert.new("xenmig." .. path, says, expert.group.PROTOCOL, severity)
    all_experts[#all_experts + 1] = EXPERTS[id]
end
