local xenmig = Proto("xenmig", "Xen Live Migration")

local FORWARD, REVERSE = "forward", "reverse"

local settings = { lines = 100 } -- what the preferences say

-- Every field of the protocol, in the order in which it is declared.
local all_fields = {}

-- Declares a field: `kind` is the constructor in ProtoField, the rest its arguments.
local function declare(kind, abbreviation, ...)
    local field = ProtoField[kind]("xenmig." .. abbreviation, ...)
    all_fields[#all_fields + 1] = field
    return field
end

-- Every expert information of the protocol, and those of rules by the rule's id.
local all_experts, EXPERTS = {}, {}

local function declare_expert(abbreviation, severity, says)
    local expert_info = ProtoExpert.new("xenmig." .. abbreviation, says, expert.group.PROTOCOL, severity)
    all_experts[#all_experts + 1] = expert_info
    return expert_info
end

local function declare_rule(id, severity, says)
    EXPERTS[id] = declare_expert("rule." .. id, severity, says)
end
