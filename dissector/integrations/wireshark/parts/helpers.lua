local byte, find, floor, format, max, min = string.byte, string.find, math.floor, string.format, math.max, math.min

local HEADER_SIZE, XENOPS_HEADER_SIZE, PAGES_HEADER_SIZE, ENTRY_SIZE = 8, 16, 8, 8

-- Numbers out of a string: `at` counts octets from 0; `big`: big-endian.

local function u16(octets, at, big)
    local a, b = byte(octets, at + 1, at + 2)
    if big then return a * 256 + b end
    return a + b * 256
end

local function u32(octets, at, big)
    local a, b, c, d = byte(octets, at + 1, at + 4)
    if big then return ((a * 256 + b) * 256 + c) * 256 + d end
    return a + b * 256 + c * 65536 + d * 16777216
end

-- The two halves of 64 bits, the low one first: together they may be too much for a number.
local function u64(octets, at, big)
    if big then return u32(octets, at + 4, true), u32(octets, at, true) end
    return u32(octets, at), u32(octets, at + 4)
end

local TWO_32 = 4294967296

-- 64 bits as a number: exact up to 2^53, and what is more is too much for any length or offset.
local function u64_number(octets, at, big)
    local low, high = u64(octets, at, big)
    return high * (TWO_32 + 0.0) + low
end

local function number(octets, at, size, big)
    if size == 8 then return u64_number(octets, at, big) end
    if size == 4 then return u32(octets, at, big) end
    if size == 2 then return u16(octets, at, big) end
    return byte(octets, at + 1)
end

-- An entry of a pages record: bits 63 to 60 page type, 59 to 52 reserved, 51 to 0 pfn. Gives pfn, type, reserved.
local function entry_at(octets, at, big)
    local low, high = u64(octets, at, big)
    local pfn_high = high % 1048576
    local top = (high - pfn_high) / 1048576
    local reserved_bits = top % 256
    return low + pfn_high * TWO_32, floor((top - reserved_bits) / 256), reserved_bits
end

-- The first index of a list, sorted by `key`, whose key is above `value`.
local function above(list, key, value)
    local low, high = 1, #list + 1
    while low < high do
        local middle = floor((low + high) / 2)
        if list[middle][key] > value then high = middle else low = middle + 1 end
    end
    return low
end

local function starts_with(whole, beginning)
    return whole:sub(1, #beginning) == beginning
end

-- Numbers for people.

local function grouped(value)
    local digits = format("%.0f", value)
    local left = digits:reverse():gsub("(%d%d%d)", "%1,"):reverse()
    return (left:gsub("^,", ""))
end

local function many(count, noun)
    return grouped(count) .. " " .. noun .. (count == 1 and "" or "s")
end

-- Where a C long has 32 bits Lua 5.2 formats no larger number.
local function hexadecimal(value)
    local low = value % TWO_32
    if low == value then return format("0x%x", value) end
    return format("0x%x%08x", floor(value / TWO_32), low)
end

-- A number as Wireshark takes it for 64 bits.
local function wide(value)
    return UInt64.new(value % TWO_32, floor(value / TWO_32))
end

local function duration(seconds)
    local amount = math.abs(seconds)
    if amount < 1e-3 then return format("%.1f us", seconds * 1e6) end
    if amount < 1 then return format("%.1f ms", seconds * 1e3) end
    return format("%.3f s", seconds)
end

-- A set of numbers, 32 to a word.
local set = {}
set.__index = set

local function new_set()
    return setmetatable({ count = 0, words = {} }, set)
end

-- Adds a number; whether it was new.
function set:add(value)
    local place = value % 32
    local word, mask = (value - place) / 32, bit.lshift(1, place)
    local known = self.words[word] or 0
    if bit.band(known, mask) ~= 0 then return false end
    self.words[word] = bit.bor(known, mask)
    self.count = self.count + 1
    return true
end

function set:has(value)
    local place = value % 32
    return bit.band(self.words[(value - place) / 32] or 0, bit.lshift(1, place)) ~= 0
end
