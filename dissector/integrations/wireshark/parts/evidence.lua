-- A record has no magic of its own. What makes a header recognisable is that its numbers must agree: a type in use, a
-- length that its own count explains, reserved fields of zero, entries with a type and a pfn that exist, and the header
-- of another record where the length says. Each agreement counts as evidence, in bits; a header is believed from
-- BELIEVED bits on. Zeros are no evidence: guest memory is full of them.

local evidence_at, new_judge, begins_reverse
do

local LOOK_AHEAD = 65536 -- octets after a candidate that are waited for at most
local IMPOSSIBLE_PFN = 2 ^ 40 -- x86 addresses memory with at most 52 bits, pages with 40
local MAX_VCPUS = 8192
local HVM_SAVE_HEADER_SIZE = 24 -- struct hvm_save_header of xen/include/public/arch-x86/hvm/save.h
local ENTRIES_JUDGED = 1024

-- Bits of evidence in the first fields of a body, by the record's name; nil if they cannot be that record's.
local EVIDENCE = {
    HVM_CONTEXT = function(octets_seen, at, _, big) -- begins with a HEADER descriptor: typecode, instance, length
        local is_header = u16(octets_seen, at, big) == 1 and u16(octets_seen, at + 2, big) == 0
        return is_header and u32(octets_seen, at + 4, big) == HVM_SAVE_HEADER_SIZE and 80
    end,
    HVM_PARAMS = function(octets_seen, at, length, big)
        local is_counted = length == 8 + 16 * u32(octets_seen, at, big)
        return is_counted and u32(octets_seen, at + 4, big) == 0 and 60
    end,
    X86_CPUID_POLICY = function(octets_seen, at, length, big)
        local is_leaf = length % 24 == 0 and u32(octets_seen, at, big) == 0
        return is_leaf and u32(octets_seen, at + 8, big) ~= 0 and 40
    end,
    X86_MSR_POLICY = function(octets_seen, at, length, big)
        return length % 16 == 0 and u32(octets_seen, at + 4, big) == 0 and 30
    end,
}

local function of_emulator(octets_seen, at, _, big)
    local emulator = u32(octets_seen, at, big)
    return (emulator == 1 or emulator == 2) and u32(octets_seen, at + 4, big) == 0 and 40
end

local function of_vcpu(octets_seen, at, _, big)
    return u32(octets_seen, at, big) < MAX_VCPUS and u32(octets_seen, at + 4, big) == 0 and 40
end

-- In the state of an HVM guest an IOAPIC and a LAPIC that are all zeros look like records of a PV guest otherwise.
local function of_vcpu_basic(octets_seen, at, length, big)
    return VCPU_BASIC_LENGTHS[length] and of_vcpu(octets_seen, at, length, big)
end

for _, name in ipairs({ "EMULATOR_XENSTORE_DATA", "EMULATOR_CONTEXT" }) do EVIDENCE[name] = of_emulator end
for _, name in ipairs({ "EXTENDED", "XSAVE", "MSRS" }) do EVIDENCE["X86_PV_VCPU_" .. name] = of_vcpu end
EVIDENCE.X86_PV_VCPU_BASIC = of_vcpu_basic

-- Whether the octets reach that far; if they may do so later, the candidate waits.
local function reaches(judge, to, start)
    if to <= #judge.octets then return true end
    judge.waits = judge.waits or (not judge.final and to - start <= LOOK_AHEAD)
    return false
end

local function worth_of_pages(judge, body, spec, length, start)
    if not reaches(judge, body + PAGES_HEADER_SIZE, start) then return 0 end
    local octets_seen, big, page = judge.octets, judge.big, 2 ^ judge.page_shift
    local count, zero = u32(octets_seen, body, big), u32(octets_seen, body + 4, big)
    local contents = length - PAGES_HEADER_SIZE - ENTRY_SIZE * count
    if count == 0 or zero ~= 0 or contents < 0 or contents % page ~= 0 or contents > count * page then return nil end
    if not spec.contents and contents > 0 then return nil end
    local entries = body + PAGES_HEADER_SIZE
    reaches(judge, entries + ENTRY_SIZE * min(count, ENTRIES_JUDGED), start)
    local seen = min(count, ENTRIES_JUDGED, floor((#octets_seen - entries) / ENTRY_SIZE))
    local backed = 0
    for index = 0, seen - 1 do
        local pfn, kind, reserved_bits = entry_at(octets_seen, entries + ENTRY_SIZE * index, big)
        if RESERVED_PAGE_TYPES[kind] or reserved_bits ~= 0 or pfn >= IMPOSSIBLE_PFN then return nil end
        if spec.direction == REVERSE and kind ~= 0 then return nil end
        if not UNBACKED[kind] then backed = backed + 1 end
    end
    if seen == count and spec.contents and contents ~= backed * page then return nil end
    -- Type, length and count agree: 60 bits. Every entry that could be one adds its high bits.
    return 60 + 8 * min(seen, 5) + (seen == count and 20 or 0)
end

-- Bits of evidence in one header and what of its body is in sight; nil if they cannot be one.
local function worth_of(judge, body, spec, length, start)
    if spec.shape == "signal" then
        -- LIBXC_CONTEXT comes before an image header, which has a magic of its own to be found by.
        if length > 0 or spec.name == "LIBXC_CONTEXT" then return nil end
        return spec.type == 0 and 0 or 24
    end
    if spec.shape == "pages" then return worth_of_pages(judge, body, spec, length, start) end
    local fixed_length = FIXED_LENGTHS[spec.name]
    if fixed_length then return length == fixed_length and 40 or nil end
    if length < 8 or length > LOOK_AHEAD then return nil end
    if not reaches(judge, body + 16, start) then return 20 end
    local evidence = EVIDENCE[spec.name]
    return evidence and evidence(judge.octets, body, length, judge.big) or nil
end

-- Bits of evidence that a chain of headers begins at a place.
function evidence_at(judge, position, layer)
    local start, total, signals = position, 0, 0
    for nth = 1, CHAIN do
        if total >= BELIEVED or not reaches(judge, position + HEADER_SIZE, start) then break end
        local kind, length = u32(judge.octets, position, judge.big), u32(judge.octets, position + 4, judge.big)
        local spec = (layer == "libxl" and LIBXL_RECORDS or judge.records)[kind]
        if spec and judge.not_pv and starts_with(spec.name, "X86_PV_") then spec = nil end
        if not spec then return kind >= OPTIONAL and total or 0 end
        if nth == 1 and layer == "libxc" then judge.reverse = spec.direction == REVERSE end
        local worth = worth_of(judge, position + HEADER_SIZE, spec, length, start)
        if not worth then return 0 end
        if spec.shape == "signal" then
            -- Guest memory repeats small numbers: a row of signals is no more evidence than one.
            signals, worth = max(signals, worth), max(0, worth - signals)
        end
        total = total + worth
        position = position + HEADER_SIZE + length + -length % 8
        layer = HANDS_OVER[layer .. "." .. spec.name] or layer
        if layer == "none" then break end
    end
    return total
end

function new_judge(flow, big, final)
    local channel = flow.channel
    return {
        octets = flow.buffer,
        big = big,
        records = libxc_table(channel),
        page_shift = channel.page_shift,
        final = final,
        waits = false,
        reverse = false,
    }
end

-- Whether anything speaks for a record of the reverse direction at the first octet in the buffer.
function begins_reverse(flow)
    local judge = new_judge(flow, flow.channel.big.libxc, true)
    return evidence_at(judge, 0, "libxc") > 0 and judge.reverse
end

end
