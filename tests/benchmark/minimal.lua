-- The least Lua that finds every record of the benchmark's stream: what a user would write in an hour.
-- It leaves reassembly to TCP (desegment_len) and tells headers from records by their first octets.

local xen = Proto("xenminimal", "Xen migration stream (minimal)")
local f_type = ProtoField.uint32("xenminimal.type", "Type", base.HEX)
local f_length = ProtoField.uint32("xenminimal.length", "Body length")
xen.fields = { f_type, f_length }

local PORT = 4444
local PAGE_DATA = 1
local found = 0

-- First four octets, as a little-endian number, of what is no record: octets it takes.
local FIXED = {
    [0x7862694c] = 16, -- "Libx": libxl header
    [0xffffffff] = 40, -- image and domain header
    [0x616d6f64] = 44, -- "doma": the go-ahead of the closing handshake
}
local XL_HEADER = 0x206e6558 -- "Xen "

-- Octets of the piece at `at`; nil when the octets that tell are not there yet.
local function piece_length(buffer, at)
    local left = buffer:len() - at
    if left < 8 then return nil end
    local first = buffer(at, 4):le_uint()
    if FIXED[first] then return FIXED[first] end
    if first == XL_HEADER then
        if left < 48 then return nil end
        return 48 + buffer(at + 44, 4):le_uint()
    end
    return 8 + math.ceil(buffer(at + 4, 4):le_uint() / 8) * 8
end

function xen.dissector(buffer, pinfo, tree)
    if pinfo.dst_port ~= PORT then return 0 end
    local at, size = 0, buffer:len()
    while at < size do
        local length = piece_length(buffer, at)
        if not length or at + length > size then
            pinfo.desegment_offset = at
            pinfo.desegment_len = length and at + length - size or DESEGMENT_ONE_MORE_SEGMENT
            return size
        end
        local kind, body = buffer(at, 4), buffer(at + 4, 4)
        local record = tree:add(xen, buffer(at, length))
        record:add_le(f_type, kind)
        record:add_le(f_length, body)
        -- A libxl LIBXC_CONTEXT has the same number, and never a body.
        if kind:le_uint() == PAGE_DATA and body:le_uint() > 0 then found = found + 1 end
        at = at + length
    end
    return size
end

DissectorTable.get("tcp.port"):add(PORT, xen)

local tap = Listener.new("frame")
function tap.draw()
    print("PAGE_DATA records: " .. found)
end
