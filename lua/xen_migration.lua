-- Xen live migration for Wireshark: every header, record and handshake text of the xl, xenopsd, libxl and libxc
-- streams, postcopy faults matched to the pages that answer them, and the rules of the protocol as expert information.
--
-- Written by `xenshark lua --write`: change the protocol, the rules or parts/ in dissector/integrations, not this file.
-- For Wireshark 4.0 (Lua 5.2) and 4.4 or newer (Lua 5.4). Copy it to the personal Lua plugins (Help, About, Folders),
-- or `xenshark lua --install`; to try it, `tshark -X lua_script:xen_migration.lua -r FILE`.
--
-- It does not let TCP reassemble records. Each direction of a connection has a parser of its own that says what it
-- needs next; of page contents it needs nothing. Each packet is taken in once, in the order of the capture; what a
-- packet shows is looked up by its place in the stream, so packets can be shown in any order, any number of times.
-- What only later packets tell is there on the second pass: in the graphical interface, and with `tshark -2`.

-- Declaring: the protocol, its fields and its expert information ------------------------------------------------------

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

-- Constants: numbers and octets of the formats ------------------------------------------------------------------------

local PAGE_SHIFT = 12
local UNBACKED = { [13] = true, [14] = true, [15] = true }
local RESERVED_PAGE_TYPES = { [5] = true, [6] = true, [7] = true, [8] = true }
local BODY_LENGTH_MAX = 0x8000000
local OPTIONAL = 0x80000000
local XL_MAGIC = "Xen saved domain, xl format\n \000 \r"
local XL_BYTEORDER = 0x1020304
local LIBXL_IDENT = "LibxlFmt"
local LIBXL_VERSION = 2
local IMAGE_MAGIC = "\255\255\255\255\255\255\255\255XENF"
local REORDER_FRAMES = 256
local BELIEVED = 80
local CHAIN = 8
local FIXED_LENGTHS = { X86_PV_INFO = 8, SHARED_INFO = 4096, TSC_INFO = 24, X86_TSC_INFO = 24 }
local VCPU_BASIC_LENGTHS = { [2808] = true, [5176] = true }

-- Names of numbers: the specifications' own ---------------------------------------------------------------------------

local GUEST_TYPES = { [1] = "x86 PV", [2] = "x86 HVM", [3] = "x86 PVH", [4] = "ARM" }
local PAGE_TYPES = {
    [0] = "NOTAB", [1] = "L1TAB", [2] = "L2TAB", [3] = "L3TAB", [4] = "L4TAB", [5] = "RESERVED_5", [6] = "RESERVED_6",
    [7] = "RESERVED_7", [8] = "RESERVED_8", [9] = "L1TAB_PIN", [10] = "L2TAB_PIN", [11] = "L3TAB_PIN",
    [12] = "L4TAB_PIN", [13] = "BROKEN", [14] = "XALLOC", [15] = "XTAB",
}
local TSC_MODES = { [0] = "DEFAULT", [1] = "ALWAYS_EMULATE", [2] = "NEVER_EMULATE", [3] = "PVRDTSCP" }
local HVM_SAVE_TYPES = {
    [0] = "END", [1] = "HEADER", [2] = "CPU", [3] = "PIC", [4] = "IOAPIC", [5] = "LAPIC", [6] = "LAPIC_REGS",
    [7] = "PCI_IRQ", [8] = "ISA_IRQ", [9] = "PCI_LINK", [10] = "PIT", [11] = "RTC", [12] = "HPET", [13] = "PMTIMER",
    [14] = "MTRR", [15] = "VIRIDIAN_DOMAIN", [16] = "XSAVE", [17] = "VIRIDIAN_VCPU", [18] = "VMCE_VCPU",
    [19] = "TSC_ADJUST", [20] = "CPU_MSR",
}
local EMULATORS = { [0] = "unknown", [1] = "qemu-traditional", [2] = "qemu-upstream" }
local CHECKPOINT_STATES = { [0] = "NEW", [1] = "SVM_SUSPENDED", [2] = "SVM_READY", [3] = "SVM_RESUMED" }

-- Fields of every item: where it is, what it is, what became of it ----------------------------------------------------

local F = {
    item = declare("string", "item", "Item", base.NONE, "A record, header or handshake text"),
    name = declare("string", "name", "Name", base.NONE, "Its name in the specification"),
    migration = declare("uint32", "migration", "Migration", base.DEC, nil, nil, "Number in the capture, from 0"),
    direction = declare("string", "direction", "Direction", base.NONE, "forward: from source to destination"),
    layer = declare("string", "layer", "Layer", base.NONE, "Whose record it is"),
    type = declare("uint32", "type", "Type", base.HEX, nil, nil, "Record type"),
    offset = declare("uint64", "offset", "Offset", base.DEC, nil, nil, "In the direction's octets, from 0"),
    length = declare("uint64", "length", "Length", base.DEC, nil, nil, "Octets, header and padding in"),
    body_length = declare("uint64", "body_length", "Body length", base.DEC, nil, nil, "Octets of the body"),
    first_frame = declare("framenum", "first_frame", "First octet in frame", base.NONE),
    last_frame = declare("framenum", "last_frame", "Last octet in frame", base.NONE),
    complete = declare("bool", "complete", "Complete", base.NONE, nil, nil, "False where octets were not captured"),
    count = declare("uint32", "count", "Count", base.DEC, nil, nil, "Entries of a pages record"),
    run = declare("string", "run", "Run", base.NONE, "Consecutive pfns of one type"),
    run_pfn = declare("uint64", "run.pfn", "First pfn", base.HEX),
    run_count = declare("uint32", "run.count", "Pfns", base.DEC),
    run_type = declare("uint32", "run.type", "Page type", base.DEC, PAGE_TYPES),
    fault = declare("string", "fault", "Fault", base.NONE, "One pfn of a POSTCOPY_FAULT"),
    fault_pfn = declare("uint64", "fault.pfn", "Pfn", base.HEX),
    fault_answered_in = declare("framenum", "fault.answered_in", "Answered in frame", base.NONE, frametype.RESPONSE),
    fault_latency = declare("relative_time", "fault.latency", "Latency", "From the fault's last octet to the page's"),
    fault_in_flight = declare("bool", "fault.in_flight", "In flight", base.NONE, nil, nil, "The page was sent before"),
    fault_count = declare("uint32", "fault.count", "Faulted pfns", base.DEC),
    fault_slowest = declare("relative_time", "fault.slowest", "Slowest", "The longest latency of the record's pfns"),
    page_answers = declare("framenum", "page.answers", "Answers the fault in frame", base.NONE, frametype.REQUEST),
    page_answers_pfn = declare("uint64", "page.answers.pfn", "Pfn", base.HEX),
    page_pushed = declare("uint32", "page.pushed", "Pages nobody asked for", base.DEC),
    rule = declare("string", "rule", "Rule", base.NONE, "Id of a rule that is broken: see `xenshark rules`"),
    contents = declare("string", "contents", "Contents", base.NONE, "More of an item that began in an earlier frame"),
    contents_of = declare("framenum", "contents.of", "Of the item in frame", base.NONE),
    text = declare("string", "text", "Text", base.NONE),
    status = declare("uint8", "status", "Status", base.DEC, nil, nil, "0: the guest runs at the destination"),
}

local UNANSWERED = declare_expert("fault.unanswered", expert.severity.WARN, "The page of a faulted pfn never came")

-- Words: what headers, records and their layouts are declared in ------------------------------------------------------

-- The words that layouts are written in: each gives one field of a layout, its name, how it is read (`kind`), how many
-- octets it has (`size`, if fixed) and what it means (`doc`).

local HEADERS, LIBXC_RECORDS, LIBXL_RECORDS, XENOPS_RECORDS
do

-- An integer; `names` says what its values are called.
local function uint(size, name, doc, names)
    return { kind = "uint", size = size, name = name, doc = doc, names = names }
end

-- An integer that has to be zero.
local function reserved(size, name)
    return { kind = "uint", size = size, name = name, doc = "Reserved, zero", is_reserved = true }
end

-- An integer made of parts.
local function bits(size, name, doc, parts)
    return { kind = "uint", size = size, name = name, doc = doc, parts = parts }
end

-- `width` bits of such an integer, the lowest of them worth 2^shift.
local function part(name, shift, width, doc)
    return { name = name, shift = shift, width = width, doc = doc }
end

-- As many octets as `size` says: a number, or the name of an earlier field.
local function octet_string(size, name, doc)
    return { kind = "octets", size = size, name = name, doc = doc }
end

-- The same as text.
local function text(size, name, doc)
    return { kind = "text", size = size, name = name, doc = doc }
end

-- Text up to a NUL.
local function cstring(name, doc)
    return { kind = "cstring", name = name, doc = doc }
end

-- The octets up to the body's end.
local function rest(name, doc)
    return { kind = "rest", name = name, doc = doc }
end

-- Elements with a layout each, up to the body's end.
local function repeated(name, doc, elements)
    return { kind = "array", name = name, doc = doc, elements = elements }
end

-- As many of them as the earlier field `by` says.
local function counted(by, name, doc, elements)
    return { kind = "array", by = by, name = name, doc = doc, elements = elements }
end

-- Elements up to and with the one whose `field` is `value`.
local function up_to(field, value, name, doc, elements)
    return { kind = "array", ending = { field, value }, name = name, doc = doc, elements = elements }
end

local UINT = { [1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64" }
local HEXADECIMAL = { ["type"] = true, marker = true, ident = true, id = true, byteorder = true }

local function declare_layout(prefix, layout)
    local declared = {}
    for index, field in ipairs(layout) do
        local own = {}
        for key, value in pairs(field) do own[key] = value end
        local path = prefix .. (field.name and "." .. field.name or "")
        local label = field.name or path
        if field.kind == "array" and not field.elements[1].name then
            own.elements = declare_layout(path, field.elements)
        elseif field.kind == "array" then
            own.field = declare("string", path, label, base.NONE, field.doc)
            own.elements = declare_layout(path, field.elements)
        elseif field.kind == "uint" then
            local shown = HEXADECIMAL[field.name] and base.HEX or base.DEC_HEX
            own.field = declare(UINT[field.size], path, label, shown, field.names, nil, field.doc)
            if field.parts then
                own.parts = {}
                for place, one in ipairs(field.parts) do
                    local mask = (2 ^ one.width - 1) * 2 ^ one.shift
                    local name = path .. "." .. one.name
                    local bits_shown = declare(UINT[field.size], name, one.name, base.HEX, nil, mask, one.doc)
                    own.parts[place] = { name = one.name, shift = one.shift, width = one.width, field = bits_shown }
                end
            end
        elseif field.kind == "octets" or field.kind == "rest" then
            own.field = declare("bytes", path, label, base.SPACE, field.doc)
        else
            own.field = declare("string", path, label, base.NONE, field.doc)
        end
        declared[index] = own
    end
    return declared
end

-- A header or record with its fields: `xenmig.<its name in small letters>.<path of the field>`.
local function declare_spec(spec)
    local prefix = spec.name:lower():gsub("[ -]", "_")
    spec.layout = declare_layout(prefix, spec.body or {})
    if spec.optional_data then spec.optional = declare_layout(prefix, spec.optional_data) end
    return spec
end

-- What a header is: its layer, its octets, its layout, and that of optional data that belong to it.
local function header(name, layer, size, body, optional_data)
    return declare_spec({ name = name, layer = layer, size = size, body = body, optional_data = optional_data })
end

-- What a record is: its layer, number and name; `shape`: what the length of its body can be; its layout.
local function record(layer, number, name, shape, body, more)
    local spec = { layer = layer, type = number, name = name, shape = shape, body = body, direction = FORWARD }
    for key, value in pairs(more or {}) do spec[key] = value end
    return declare_spec(spec)
end

local function by_name(specs)
    local named = {}
    for _, spec in ipairs(specs) do named[spec.name] = spec end
    return named
end

local function by_type(...)
    local numbered = {}
    for _, specs in ipairs({ ... }) do
        for _, spec in ipairs(specs) do numbered[spec.type] = spec end
    end
    return numbered
end


-- Layouts: the bodies of headers and records, field by field ----------------------------------------------------------

local layouts = {}

layouts.xl_header = {
    octet_string(32, "magic", "Names the format"),
    uint(4, "byteorder", "0x01020304 in the sender's byte order"),
    bits(4, "mandatory_flags", "A flag the receiver does not know makes it refuse", {
        part("json", 0, 1, "The configuration is JSON"),
        part("stream_v2", 1, 1, "A libxl stream of version 2 follows"),
        part("reserved", 2, 30),
    }),
    bits(4, "optional_flags", "None is defined", {
        part("reserved", 0, 32),
    }),
    uint(4, "optional_data_len", "Octets of optional data after this header"),
}

layouts.libvirt_header = {
    octet_string(16, "magic", "Names the format"),
    uint(4, "version", "2: a libxl stream of version 2 follows"),
    uint(4, "xml_length", "Octets of XML after this header"),
    octet_string(40, "unused", "Of no meaning"),
}

layouts.xenops_header = {
    octet_string(15, "magic", "Names the format"),
}

layouts.libxl_header = {
    uint(8, "ident", "'LibxlFmt'"),
    uint(4, "version", "Version of the libxl stream"),
    bits(4, "options", "How the stream is written", {
        part("big_endian", 0, 1, "The records are big-endian"),
        part("legacy", 1, 1, "Made by the converter of old streams"),
        part("reserved", 2, 30),
    }),
}

layouts.image_header = {
    uint(8, "marker", "All ones: a legacy stream has a zero bit here"),
    uint(4, "id", "'XENF'"),
    uint(4, "version", "Version of the stream; decides what record types 0x10 and up mean"),
    bits(2, "options", "How the stream is written", {
        part("big_endian", 0, 1, "All after this header is big-endian"),
        part("reserved", 1, 15),
    }),
    reserved(2, "reserved1"),
    reserved(4, "reserved2"),
}

layouts.xenops_legacy_header = {
    octet_string(15, "magic", "Names the format"),
}

layouts.domain_header = {
    uint(4, "type", "What kind of guest", GUEST_TYPES),
    uint(2, "page_shift", "A guest page has 2^page_shift octets"),
    reserved(2, "reserved"),
    uint(4, "xen_major", "Xen that wrote the stream; 0: the converter of old streams"),
    uint(4, "xen_minor", "Its minor version, or the converter's version"),
}

layouts.pages = {
    uint(4, "count", "Number of entries, at least 1"),
    reserved(4, "reserved"),
}

layouts.x86_pv_info = {
    uint(1, "guest_width", "Octets of a word of the guest: 4 or 8"),
    uint(1, "pt_levels", "Levels of page tables: 3 or 4"),
    reserved(2, "reserved1"),
    reserved(4, "reserved2"),
}

layouts.x86_pv_p2m_frames = {
    uint(4, "start_pfn", "First pfn that the table covers"),
    uint(4, "end_pfn", "Last pfn that the table covers"),
    repeated("p2m_pfn", "Frames that hold the guest's table of frames", { uint(8) }),
}

layouts.x86_pv_vcpu = {
    uint(4, "vcpu_id", "Which virtual processor"),
    reserved(4, "reserved"),
    rest("context", "Its state, as the hypervisor's interface gives it"),
}

layouts.shared_info = {
    rest("shared_info", "The shared info page"),
}

layouts.tsc_info = {
    uint(4, "mode", "How the time stamp counter is emulated", TSC_MODES),
    uint(4, "khz", "Its frequency, kHz"),
    uint(8, "nsec", "Time elapsed, ns"),
    uint(4, "incarnation", "How often the guest was restored"),
    reserved(4, "reserved"),
}

layouts.hvm_context = {
    up_to("typecode", 0, "hvm_ctx", "The hypervisor's save records, up to and with END", {
        uint(2, "typecode", "What is saved", HVM_SAVE_TYPES),
        uint(2, "instance", "Which of several, a virtual processor's number"),
        uint(4, "length", "Octets of the state"),
        octet_string("length", "body", "The state"),
    }),
}

layouts.hvm_params = {
    uint(4, "count", "Number of parameters"),
    reserved(4, "reserved"),
    counted("count", "param", "The parameters", {
        uint(8, "index", "HVM_PARAM_* of xen/include/public/hvm/params.h"),
        uint(8, "value", "Its value"),
    }),
}

layouts.blob = {
    rest("data", "Opaque octets"),
}

layouts.checkpoint_dirty_pfn_list = {
    repeated("pfn", "Frames dirty at COLO's secondary", { uint(8) }),
}

layouts.x86_cpuid_policy = {
    repeated("cpuid_policy", "What CPUID tells the guest", {
        uint(4, "leaf"),
        uint(4, "subleaf"),
        uint(4, "a"),
        uint(4, "b"),
        uint(4, "c"),
        uint(4, "d"),
    }),
}

layouts.x86_msr_policy = {
    repeated("msr_policy", "What model-specific registers tell the guest", {
        uint(4, "idx", "The register's number"),
        reserved(4, "flags"),
        uint(8, "val", "Its value"),
    }),
}

layouts.emulator_xenstore_data = {
    uint(4, "emulator_id", "Which emulator", EMULATORS),
    uint(4, "index", "Which of the guest's emulators of that kind"),
    repeated("xenstore_data", "Keys and values", {
        cstring("key", "Path below the device model's own"),
        cstring("value", "What xenstore holds there"),
    }),
}

layouts.emulator_context = {
    uint(4, "emulator_id", "Which emulator", EMULATORS),
    uint(4, "index", "Which of the guest's emulators of that kind"),
    rest("emulator_ctx", "The emulator's own state, opaque"),
}

layouts.checkpoint_state = {
    uint(4, "control_id", "Where COLO's secondary stands", CHECKPOINT_STATES),
    rest("padding", "Zero octets, if the body has them"),
}

layouts.qemu_state = {
    rest("data", "Opaque octets"),
}

layouts.xl_optional_data = {
    uint(4, "config_length", "Octets of the configuration"),
    text("config_length", "config", "The guest's configuration; JSON ends in a NUL"),
    rest("tail", "What a later xl may append"),
}

-- Headers: by name ----------------------------------------------------------------------------------------------------

HEADERS = by_name({
    header("xl header", "xl", 48, layouts.xl_header, layouts.xl_optional_data),
    header("libvirt header", "libvirt", 64, layouts.libvirt_header),
    header("xenops header", "xenops", 15, layouts.xenops_header),
    header("libxl header", "libxl", 16, layouts.libxl_header),
    header("image header", "libxc", 24, layouts.image_header),
    header("xenops legacy header", "xenops", 15, layouts.xenops_legacy_header),
    header("domain header", "libxc", 16, layouts.domain_header),
})

-- Records: by layer and number ----------------------------------------------------------------------------------------

local BOTH_VERSIONS = {
    record("libxc", 0x00, "END", "signal"),
    record("libxc", 0x01, "PAGE_DATA", "pages", layouts.pages, { contents = true }),
    record("libxc", 0x02, "X86_PV_INFO", "fixed", layouts.x86_pv_info),
    record("libxc", 0x03, "X86_PV_P2M_FRAMES", "list", layouts.x86_pv_p2m_frames),
    record("libxc", 0x04, "X86_PV_VCPU_BASIC", "blob", layouts.x86_pv_vcpu),
    record("libxc", 0x05, "X86_PV_VCPU_EXTENDED", "blob", layouts.x86_pv_vcpu),
    record("libxc", 0x06, "X86_PV_VCPU_XSAVE", "blob", layouts.x86_pv_vcpu),
    record("libxc", 0x07, "SHARED_INFO", "page", layouts.shared_info),
    record("libxc", 0x09, "HVM_CONTEXT", "chain", layouts.hvm_context),
    record("libxc", 0x0a, "HVM_PARAMS", "list", layouts.hvm_params),
    record("libxc", 0x0b, "TOOLSTACK", "blob", layouts.blob),
    record("libxc", 0x0c, "X86_PV_VCPU_MSRS", "blob", layouts.x86_pv_vcpu),
    record("libxc", 0x0d, "VERIFY", "signal"),
    record("libxc", 0x0e, "CHECKPOINT", "signal"),
    record(
        "libxc", 0x0f, "CHECKPOINT_DIRTY_PFN_LIST", "list", layouts.checkpoint_dirty_pfn_list, { direction = "reverse" }
    ),
}

local VERSION_2 = {
    record("libxc", 0x08, "TSC_INFO", "fixed", layouts.tsc_info),
    record("libxc", 0x10, "POSTCOPY_BEGIN", "signal"),
    record("libxc", 0x11, "POSTCOPY_PFNS_BEGIN", "signal"),
    record("libxc", 0x12, "POSTCOPY_PFNS", "pages", layouts.pages),
    record("libxc", 0x13, "POSTCOPY_TRANSITION", "signal"),
    record("libxc", 0x14, "POSTCOPY_PAGE_DATA", "pages", layouts.pages, { contents = true }),
    record("libxc", 0x15, "POSTCOPY_FAULT", "pages", layouts.pages, { direction = "reverse" }),
    record("libxc", 0x16, "POSTCOPY_COMPLETE", "signal", nil, { direction = "reverse" }),
}

local VERSION_3 = {
    record("libxc", 0x08, "X86_TSC_INFO", "fixed", layouts.tsc_info),
    record("libxc", 0x10, "STATIC_DATA_END", "signal"),
    record("libxc", 0x11, "X86_CPUID_POLICY", "list", layouts.x86_cpuid_policy),
    record("libxc", 0x12, "X86_MSR_POLICY", "list", layouts.x86_msr_policy),
}

-- Where the version is not known, 0x10 to 0x12 are version 3's, and 0x13 and up the postcopy RFC's.
LIBXC_RECORDS = {
    [2] = by_type(BOTH_VERSIONS, VERSION_2),
    [3] = by_type(BOTH_VERSIONS, VERSION_3),
    unknown = by_type(BOTH_VERSIONS, VERSION_2, VERSION_3),
}

LIBXL_RECORDS = by_type({
    record("libxl", 0x00, "END", "signal"),
    record("libxl", 0x01, "LIBXC_CONTEXT", "signal"),
    record("libxl", 0x02, "EMULATOR_XENSTORE_DATA", "list", layouts.emulator_xenstore_data),
    record("libxl", 0x03, "EMULATOR_CONTEXT", "blob", layouts.emulator_context),
    record("libxl", 0x04, "CHECKPOINT_END", "signal"),
    record("libxl", 0x05, "CHECKPOINT_STATE", "blob", layouts.checkpoint_state, { direction = "both" }),
    record("libxl", 0x06, "POSTCOPY_TRANSITION_END", "signal"),
})

XENOPS_RECORDS = by_type({
    record("xenops", 0x0f, "XENOPS", "blob", layouts.blob),
    record("xenops", 0xf0, "LIBXC", "stream"),
    record("xenops", 0xf1, "LIBXL", "stream"),
    record("xenops", 0xf2, "LIBXC_LEGACY", "stream"),
    record("xenops", 0xf00, "QEMU_TRAD", "blob", layouts.qemu_state),
    record("xenops", 0xf01, "QEMU_XEN", "blob", layouts.qemu_state),
    record("xenops", 0xf10, "DEMU", "blob", layouts.blob),
    record("xenops", 0xf11, "VARSTORED", "blob", layouts.blob),
    record("xenops", 0xf12, "SWTPM0", "blob", layouts.blob),
    record("xenops", 0xf13, "SWTPM", "blob", layouts.blob),
    record("xenops", 0xffff, "END_OF_IMAGE", "signal"),
})

end

-- Texts and magics: what a stream or a handshake is known by ----------------------------------------------------------

local MESSAGES = {
    {
        name = "banner",
        direction = "reverse",
        status = 0,
        octets = "xl migration receiver ready, send binary domain data.\n",
    },
    { name = "ready", direction = "reverse", status = 0, octets = "domain received, ready to unpause\000" },
    { name = "go", direction = "both", status = 0, octets = "domain is yours, you are cleared to unpause\000" },
    { name = "report", direction = "reverse", status = 1, octets = "my copy unpause results are as follows\000" },
    {
        name = "postcopy sync",
        direction = "reverse",
        status = 0,
        octets = "postcopy migration completed successfully\000",
    },
}
local BANNER = "xl migration receiver ready, send binary domain data.\n"
local MAGICS = {
    { octets = "Xen saved domain, xl format\n \000 \r", direction = "forward", state = "xl header" },
    { octets = "XenSavedDomv2-\n", direction = "forward", state = "xenops header" },
    { octets = "LibxlFmt\000\000\000\002", direction = "forward", state = "libxl header" },
    { octets = "\255\255\255\255\255\255\255\255XENF", direction = "forward", state = "image header" },
    { octets = "xl migration receiver ready, send binary domain data.\n", direction = "reverse", state = "reverse" },
}

-- The states that read the beginning of a stream, and the stream's layer.
local BEGINNINGS = {
    ["xl header"] = "xl",
    ["xenops header"] = "xenops",
    ["libxl header"] = "libxl",
    ["image header"] = "libxc",
    reverse = "xl",
}
local FORWARD_BEGINNINGS = {
    ["LibxlFmt"] = true,
    ["Xen save"] = true,
    ["XenSaved"] = true,
    ["\255\255\255\255\255\255\255\255"] = true,
}

-- Eight octets that may be a record header, in either byte order: a type in use and not END, a length below
-- 256 MiB.
local TYPES_IN_USE = "[\001\002\003\004\005\006\007\008\009\n\011\012\r\014\015\016\017\018\019\020\021\022]"
local CANDIDATES_LITTLE = TYPES_IN_USE .. "\0\0\0...[\0-\15]"
local CANDIDATES_BIG = "\0\0\0" .. TYPES_IN_USE .. "[\0-\15]..."

-- What comes next: which layer's header follows -----------------------------------------------------------------------

-- After a header or record of the forward direction; where there is no entry, another of its layer.
local NEXT = {
    ["xl.xl header"] = "libxl header",
    ["libvirt.libvirt header"] = "libxl header",
    ["xenops.xenops header"] = "xenops",
    ["libxl.libxl header"] = "libxl",
    ["libxc.image header"] = "domain header",
    ["xenops.xenops legacy header"] = "legacy",
    ["libxc.domain header"] = "libxc",
    ["libxc.END"] = "outer",
    ["libxc.CHECKPOINT"] = "libxl, if there",
    ["libxc.POSTCOPY_TRANSITION"] = "libxl, if there",
    ["libxl.END"] = "outer",
    ["libxl.LIBXC_CONTEXT"] = "image header",
    ["libxl.CHECKPOINT_END"] = "libxl or libxc",
    ["libxl.CHECKPOINT_STATE"] = "libxl or libxc",
    ["libxl.POSTCOPY_TRANSITION_END"] = "libxc",
    ["xenops.LIBXC"] = "image header",
    ["xenops.LIBXL"] = "libxl header",
    ["xenops.LIBXC_LEGACY"] = "legacy",
    ["xenops.DEMU"] = "xenops",
    ["xenops.END_OF_IMAGE"] = "outer",
}

-- The layer of the header after a record; "none": nothing follows.
local HANDS_OVER = {
    ["libxc.END"] = "libxl",
    ["libxc.CHECKPOINT"] = "libxl",
    ["libxc.POSTCOPY_TRANSITION"] = "libxl",
    ["libxl.CHECKPOINT_END"] = "libxc",
    ["libxl.POSTCOPY_TRANSITION_END"] = "libxc",
    ["libxl.END"] = "none",
}

-- What comes after POSTCOPY_BEGIN, and not after STATIC_DATA_END, which has the same number.
local AFTER_POSTCOPY_BEGIN = { [8] = true, [9] = true, [10] = true, [17] = true }

-- Order: states, what each allows, what a record breaks in the others -------------------------------------------------

-- What each state allows, and the state after it.
local STATES = {
    start = {
        ["xl header"] = "start",
        ["libvirt header"] = "start",
        ["xenops header"] = "start",
        ["libxl header"] = "start",
        ["image header"] = "start",
        ["xenops legacy header"] = "start",
        ["domain header"] = "static data",
        ["libxl.LIBXC_CONTEXT"] = "start",
        ["xenops.XENOPS"] = "start",
        ["xenops.LIBXC"] = "start",
        ["xenops.LIBXL"] = "start",
        ["xenops.LIBXC_LEGACY"] = "start",
        ["xenops.QEMU_TRAD"] = "start",
        ["xenops.QEMU_XEN"] = "start",
        ["xenops.DEMU"] = "start",
        ["xenops.VARSTORED"] = "start",
        ["xenops.SWTPM0"] = "start",
        ["xenops.SWTPM"] = "start",
    },
    ["static data"] = {
        ["libxc.X86_PV_INFO"] = "static data",
        ["libxc.TOOLSTACK"] = "static data",
        ["libxc.STATIC_DATA_END"] = "memory",
        ["libxc.X86_CPUID_POLICY"] = "static data",
        ["libxc.X86_MSR_POLICY"] = "static data",
    },
    ["version 2"] = {
        ["libxc.END"] = "libxl tail",
        ["libxc.PAGE_DATA"] = "memory",
        ["libxc.X86_PV_INFO"] = "version 2",
        ["libxc.X86_PV_P2M_FRAMES"] = "memory",
        ["libxc.X86_PV_VCPU_BASIC"] = "context",
        ["libxc.X86_PV_VCPU_EXTENDED"] = "context",
        ["libxc.X86_PV_VCPU_XSAVE"] = "context",
        ["libxc.SHARED_INFO"] = "context",
        ["libxc.TSC_INFO"] = "context",
        ["libxc.HVM_CONTEXT"] = "context",
        ["libxc.HVM_PARAMS"] = "context",
        ["libxc.TOOLSTACK"] = "memory",
        ["libxc.X86_PV_VCPU_MSRS"] = "context",
        ["libxc.VERIFY"] = "verify",
        ["libxc.CHECKPOINT"] = "checkpoint",
        ["libxc.POSTCOPY_BEGIN"] = "postcopy begun",
        ["libxc.X86_TSC_INFO"] = "context",
        ["libxc.X86_CPUID_POLICY"] = "version 2",
        ["libxc.X86_MSR_POLICY"] = "version 2",
        ["libxl.CHECKPOINT_STATE"] = "memory",
    },
    memory = {
        ["libxc.END"] = "libxl tail",
        ["libxc.PAGE_DATA"] = "memory",
        ["libxc.X86_PV_INFO"] = "memory",
        ["libxc.X86_PV_P2M_FRAMES"] = "memory",
        ["libxc.X86_PV_VCPU_BASIC"] = "context",
        ["libxc.X86_PV_VCPU_EXTENDED"] = "context",
        ["libxc.X86_PV_VCPU_XSAVE"] = "context",
        ["libxc.SHARED_INFO"] = "context",
        ["libxc.TSC_INFO"] = "context",
        ["libxc.HVM_CONTEXT"] = "context",
        ["libxc.HVM_PARAMS"] = "context",
        ["libxc.TOOLSTACK"] = "memory",
        ["libxc.X86_PV_VCPU_MSRS"] = "context",
        ["libxc.VERIFY"] = "verify",
        ["libxc.CHECKPOINT"] = "checkpoint",
        ["libxc.POSTCOPY_BEGIN"] = "postcopy begun",
        ["libxc.X86_TSC_INFO"] = "context",
        ["libxc.X86_CPUID_POLICY"] = "memory",
        ["libxc.X86_MSR_POLICY"] = "memory",
        ["libxl.CHECKPOINT_STATE"] = "memory",
    },
    verify = {
        ["libxc.END"] = "libxl tail",
        ["libxc.PAGE_DATA"] = "verify",
        ["libxc.X86_PV_INFO"] = "verify",
        ["libxc.X86_PV_P2M_FRAMES"] = "verify",
        ["libxc.X86_PV_VCPU_BASIC"] = "context",
        ["libxc.X86_PV_VCPU_EXTENDED"] = "context",
        ["libxc.X86_PV_VCPU_XSAVE"] = "context",
        ["libxc.SHARED_INFO"] = "context",
        ["libxc.TSC_INFO"] = "context",
        ["libxc.HVM_CONTEXT"] = "context",
        ["libxc.HVM_PARAMS"] = "context",
        ["libxc.TOOLSTACK"] = "verify",
        ["libxc.X86_PV_VCPU_MSRS"] = "context",
        ["libxc.VERIFY"] = "verify",
        ["libxc.CHECKPOINT"] = "checkpoint",
        ["libxc.X86_TSC_INFO"] = "context",
        ["libxc.X86_CPUID_POLICY"] = "verify",
        ["libxc.X86_MSR_POLICY"] = "verify",
    },
    context = {
        ["libxc.END"] = "libxl tail",
        ["libxc.PAGE_DATA"] = "memory",
        ["libxc.X86_PV_INFO"] = "context",
        ["libxc.X86_PV_P2M_FRAMES"] = "context",
        ["libxc.X86_PV_VCPU_BASIC"] = "context",
        ["libxc.X86_PV_VCPU_EXTENDED"] = "context",
        ["libxc.X86_PV_VCPU_XSAVE"] = "context",
        ["libxc.SHARED_INFO"] = "context",
        ["libxc.TSC_INFO"] = "context",
        ["libxc.HVM_CONTEXT"] = "context",
        ["libxc.HVM_PARAMS"] = "context",
        ["libxc.TOOLSTACK"] = "context",
        ["libxc.X86_PV_VCPU_MSRS"] = "context",
        ["libxc.VERIFY"] = "verify",
        ["libxc.CHECKPOINT"] = "checkpoint",
        ["libxc.X86_TSC_INFO"] = "context",
        ["libxc.X86_CPUID_POLICY"] = "context",
        ["libxc.X86_MSR_POLICY"] = "context",
    },
    checkpoint = {
        ["libxl.EMULATOR_XENSTORE_DATA"] = "checkpoint",
        ["libxl.EMULATOR_CONTEXT"] = "checkpoint",
        ["libxl.CHECKPOINT_END"] = "memory",
    },
    ["postcopy begun"] = {
        ["libxc.X86_PV_VCPU_BASIC"] = "postcopy begun",
        ["libxc.X86_PV_VCPU_EXTENDED"] = "postcopy begun",
        ["libxc.X86_PV_VCPU_XSAVE"] = "postcopy begun",
        ["libxc.SHARED_INFO"] = "postcopy begun",
        ["libxc.TSC_INFO"] = "postcopy begun",
        ["libxc.HVM_CONTEXT"] = "postcopy begun",
        ["libxc.HVM_PARAMS"] = "postcopy begun",
        ["libxc.X86_PV_VCPU_MSRS"] = "postcopy begun",
        ["libxc.POSTCOPY_PFNS_BEGIN"] = "postcopy pfns",
        ["libxc.X86_TSC_INFO"] = "postcopy begun",
    },
    ["postcopy pfns"] = {
        ["libxc.POSTCOPY_PFNS"] = "postcopy pfns",
        ["libxc.POSTCOPY_TRANSITION"] = "postcopy transition",
    },
    ["postcopy transition"] = {
        ["libxl.EMULATOR_XENSTORE_DATA"] = "postcopy transition",
        ["libxl.EMULATOR_CONTEXT"] = "postcopy transition",
        ["libxl.POSTCOPY_TRANSITION_END"] = "postcopy pages",
    },
    ["postcopy pages"] = { ["libxc.END"] = "libxl tail", ["libxc.POSTCOPY_PAGE_DATA"] = "postcopy pages" },
    ["libxl tail"] = {
        ["libxl.END"] = "finished",
        ["libxl.EMULATOR_XENSTORE_DATA"] = "libxl tail",
        ["libxl.EMULATOR_CONTEXT"] = "libxl tail",
    },
    ["xenops tail"] = {
        ["xenops.XENOPS"] = "xenops tail",
        ["xenops.LIBXC"] = "xenops tail",
        ["xenops.LIBXL"] = "xenops tail",
        ["xenops.LIBXC_LEGACY"] = "xenops tail",
        ["xenops.QEMU_TRAD"] = "xenops tail",
        ["xenops.QEMU_XEN"] = "xenops tail",
        ["xenops.DEMU"] = "xenops tail",
        ["xenops.VARSTORED"] = "xenops tail",
        ["xenops.SWTPM0"] = "xenops tail",
        ["xenops.SWTPM"] = "xenops tail",
        ["xenops.END_OF_IMAGE"] = "finished",
    },
    finished = {},
    ["early pfns"] = {
        ["libxc.POSTCOPY_PFNS_BEGIN"] = "postcopy pfns",
        ["libxc.POSTCOPY_PFNS"] = "early pfns",
        ["libxc.POSTCOPY_TRANSITION"] = "postcopy transition",
    },
    ["early pages"] = {
        ["libxc.END"] = "libxl tail",
        ["libxc.POSTCOPY_PFNS"] = "early pages",
        ["libxc.POSTCOPY_TRANSITION"] = "postcopy transition",
        ["libxc.POSTCOPY_PAGE_DATA"] = "early pages",
    },
}

-- The state after a domain header, by the version of the stream.
local OF_VERSION = { [2] = "version 2", [3] = "static data" }

-- What is meant where there is no libxl stream around.
local WITHOUT_LIBXL = { checkpoint = "memory", ["postcopy transition"] = "postcopy pages", ["libxl tail"] = "finished" }

-- The state after a record wherever it came: where judging goes on after a gap.
local NATURAL = {
    ["libxc.END"] = "libxl tail",
    ["libxc.PAGE_DATA"] = "memory",
    ["libxc.X86_PV_P2M_FRAMES"] = "memory",
    ["libxc.VERIFY"] = "verify",
    ["libxc.CHECKPOINT"] = "checkpoint",
    ["libxc.POSTCOPY_BEGIN"] = "postcopy begun",
    ["libxc.POSTCOPY_PFNS_BEGIN"] = "postcopy pfns",
    ["libxc.POSTCOPY_PFNS"] = "postcopy pfns",
    ["libxc.POSTCOPY_TRANSITION"] = "postcopy transition",
    ["libxc.POSTCOPY_PAGE_DATA"] = "postcopy pages",
    ["libxc.STATIC_DATA_END"] = "memory",
    ["libxl.END"] = "finished",
    ["libxl.CHECKPOINT_END"] = "memory",
    ["libxl.POSTCOPY_TRANSITION_END"] = "postcopy pages",
    ["xenops.END_OF_IMAGE"] = "finished",
}

-- The rules that a record breaks in a state that does not allow it; the first whose states name it counts.
local MISPLACED = {
    ["libxc.END"] = { { states = { "static data" }, rule = "unexpected-record", follows = "libxl tail" } },
    ["libxc.PAGE_DATA"] = {
        { states = { "static data" }, rule = "missing-static-data-end", follows = "memory" },
        {
            states = {
                "postcopy begun", "early pfns", "postcopy pfns", "early pages", "postcopy transition", "postcopy pages",
            },
            rule = "page-data-after-postcopy-begin",
        },
    },
    ["libxc.X86_PV_P2M_FRAMES"] = {
        { states = { "static data" }, rule = "missing-static-data-end", follows = "memory" },
        { states = { "postcopy begun" }, rule = "postcopy-context-missing" },
    },
    ["libxc.X86_PV_VCPU_BASIC"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.X86_PV_VCPU_EXTENDED"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.X86_PV_VCPU_XSAVE"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.SHARED_INFO"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.TSC_INFO"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.HVM_CONTEXT"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.HVM_PARAMS"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.TOOLSTACK"] = { { states = { "postcopy begun" }, rule = "postcopy-context-missing" } },
    ["libxc.X86_PV_VCPU_MSRS"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.VERIFY"] = {
        { states = { "static data" }, rule = "missing-static-data-end" },
        { states = { "postcopy begun" }, rule = "postcopy-context-missing" },
    },
    ["libxc.CHECKPOINT"] = {
        { states = { "static data" }, rule = "missing-static-data-end", follows = "checkpoint" },
        { states = { "postcopy begun" }, rule = "postcopy-context-missing" },
    },
    ["libxc.POSTCOPY_BEGIN"] = {
        {
            states = {
                "postcopy begun", "early pfns", "postcopy pfns", "early pages", "postcopy transition", "postcopy pages",
            },
            rule = "postcopy-begin-repeated",
        },
    },
    ["libxc.POSTCOPY_PFNS_BEGIN"] = {
        {
            states = { "static data", "version 2", "memory", "verify", "context", "checkpoint" },
            rule = "postcopy-begin-missing",
            follows = "postcopy pfns",
        },
    },
    ["libxc.POSTCOPY_PFNS"] = {
        {
            states = { "static data", "version 2", "memory", "verify", "context", "checkpoint" },
            rule = "postcopy-begin-missing",
            follows = "early pfns",
        },
        { states = { "postcopy begun" }, rule = "postcopy-pfns-before-begin", follows = "early pfns" },
        { states = { "postcopy transition", "postcopy pages" }, rule = "postcopy-record-after-transition" },
    },
    ["libxc.POSTCOPY_TRANSITION"] = {
        {
            states = { "static data", "version 2", "memory", "verify", "context", "checkpoint" },
            rule = "postcopy-begin-missing",
            follows = "postcopy transition",
        },
        { states = { "postcopy begun" }, rule = "postcopy-pfns-before-begin", follows = "postcopy transition" },
        { states = { "postcopy transition", "postcopy pages" }, rule = "postcopy-record-after-transition" },
    },
    ["libxc.POSTCOPY_PAGE_DATA"] = {
        {
            states = { "static data", "version 2", "memory", "verify", "context", "checkpoint" },
            rule = "postcopy-begin-missing",
            follows = "postcopy pages",
        },
        {
            states = { "postcopy begun", "early pfns", "postcopy pfns", "early pages", "postcopy transition" },
            rule = "postcopy-page-data-before-transition",
            follows = "early pages",
        },
    },
    ["libxc.X86_TSC_INFO"] = { { states = { "static data" }, rule = "missing-static-data-end" } },
    ["libxc.STATIC_DATA_END"] = {
        {
            states = {
                "static data", "version 2", "memory", "verify", "context", "checkpoint", "postcopy begun", "early pfns",
                "postcopy pfns", "early pages", "postcopy transition", "postcopy pages",
            },
            rule = "duplicate-static-data-end",
        },
    },
    ["libxl.LIBXC_CONTEXT"] = { { states = { "libxl tail" }, rule = "unexpected-record", follows = "start" } },
    ["libxl.EMULATOR_XENSTORE_DATA"] = { { states = { "postcopy pages" }, rule = "postcopy-record-after-transition" } },
    ["libxl.EMULATOR_CONTEXT"] = { { states = { "postcopy pages" }, rule = "postcopy-record-after-transition" } },
    ["libxl.CHECKPOINT_END"] = {
        {
            states = {
                "static data", "version 2", "memory", "verify", "context", "checkpoint", "postcopy begun", "early pfns",
                "postcopy pfns", "early pages", "postcopy transition", "postcopy pages", "libxl tail",
            },
            rule = "checkpoint-end-unexpected",
        },
    },
    ["libxl.CHECKPOINT_STATE"] = {
        { states = { "start", "static data", "libxl tail", "finished" }, rule = "unexpected-record" },
    },
    ["libxl.POSTCOPY_TRANSITION_END"] = {
        { states = { "postcopy pages" }, rule = "postcopy-record-after-transition" },
        { states = { "libxl tail", "checkpoint" }, rule = "unexpected-record" },
    },
}

-- By the layer of a record that nothing announced: where that is found, and what would have announced it.
local SHOULD_BE = {
    libxl = {
        states = { "postcopy begun", "early pfns", "postcopy pfns" },
        missing = "POSTCOPY_TRANSITION",
        follows = "postcopy transition",
    },
    libxc = { states = { "postcopy transition" }, missing = "POSTCOPY_TRANSITION_END", follows = "postcopy pages" },
}

-- What says of a record that comes late that it was missed before.
local MISSED = {
    ["libxc.STATIC_DATA_END"] = "missing-static-data-end",
    ["libxc.X86_PV_INFO"] = "frames before X86_PV_INFO",
}

local CONTEXT = {
    ["libxc.HVM_CONTEXT"] = true,
    ["libxc.HVM_PARAMS"] = true,
    ["libxc.SHARED_INFO"] = true,
    ["libxc.TSC_INFO"] = true,
    ["libxc.X86_PV_VCPU_BASIC"] = true,
    ["libxc.X86_PV_VCPU_EXTENDED"] = true,
    ["libxc.X86_PV_VCPU_MSRS"] = true,
    ["libxc.X86_PV_VCPU_XSAVE"] = true,
    ["libxc.X86_TSC_INFO"] = true,
}
local HVM_CONTEXT = { "TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS" }
local PV_ONLY = {
    ["libxc.SHARED_INFO"] = true,
    ["libxc.X86_PV_INFO"] = true,
    ["libxc.X86_PV_P2M_FRAMES"] = true,
    ["libxc.X86_PV_VCPU_BASIC"] = true,
    ["libxc.X86_PV_VCPU_EXTENDED"] = true,
    ["libxc.X86_PV_VCPU_MSRS"] = true,
    ["libxc.X86_PV_VCPU_XSAVE"] = true,
}
local HVM_ONLY = { ["libxc.HVM_CONTEXT"] = true, ["libxc.HVM_PARAMS"] = true }

-- Which text may come next, by the one that came last.
local HANDSHAKE = {
    live = {
        start = { { direction = "reverse", text = "banner" }, { direction = "reverse", text = "ready" } },
        banner = { { direction = "reverse", text = "ready" } },
        ready = { { direction = "forward", text = "go" } },
        go = { { direction = "reverse", text = "report" } },
        ["failed report"] = { { direction = "reverse", text = "go" } },
    },
    postcopy = {
        start = { { direction = "reverse", text = "banner" }, { direction = "reverse", text = "postcopy sync" } },
        banner = { { direction = "reverse", text = "postcopy sync" } },
    },
}

-- Rules: those that can be judged while packets go by; `xenshark rules ID` explains one -------------------------------

declare_rule(
    "bad-image-header", expert.severity.ERROR,
    "A libxc image header has a wrong marker or id, or a version nobody specified"
)
declare_rule(
    "bad-domain-header", expert.severity.ERROR,
    "A libxc domain header has an unknown guest type or a page_shift other than 12"
)
declare_rule("bad-libxl-header", expert.severity.ERROR, "A libxl stream header has a wrong ident or version")
declare_rule(
    "bad-xl-header", expert.severity.ERROR,
    "An xl save header has a wrong byteorder or mandatory flags nobody specified"
)
declare_rule("reserved-bits-set", expert.severity.WARN, "A reserved field or bit is not zero")
declare_rule("nonzero-padding", expert.severity.WARN, "The padding after a body is not zero")
declare_rule(
    "record-too-long", expert.severity.ERROR,
    "The body_length of a record is above 128 MiB, which no libxc receiver accepts"
)
declare_rule("body-length-mismatch", expert.severity.ERROR, "A body is shorter or longer than its own counts say")
declare_rule("nonempty-signal", expert.severity.ERROR, "A record that only signals, and so must be empty, has a body")
declare_rule("empty-pages-record", expert.severity.ERROR, "A pages record has a count of 0")
declare_rule(
    "reserved-page-type", expert.severity.ERROR, "An entry of a pages record has one of the reserved page types 5 to 8"
)
declare_rule(
    "unknown-mandatory-record", expert.severity.ERROR,
    "A record has a type nobody specified, and bit 31 says that it must not be ignored"
)
declare_rule(
    "unknown-optional-record", expert.severity.NOTE,
    "A record has a type nobody specified, and bit 31 says that it may be ignored"
)
declare_rule(
    "legacy-stream", expert.severity.ERROR,
    "The stream is in the legacy format of Xen 4.5 or older and is not dissected"
)
declare_rule(
    "data-after-end", expert.severity.WARN,
    "Octets follow the end of the outermost stream, and no handshake explains them"
)
declare_rule("wrong-direction", expert.severity.ERROR, "A record is on the direction that never carries it")
declare_rule("unexpected-record", expert.severity.ERROR, "A record comes in a phase that does not allow it")
declare_rule(
    "missing-static-data-end", expert.severity.ERROR, "A version 3 stream has memory or context before STATIC_DATA_END"
)
declare_rule("duplicate-static-data-end", expert.severity.ERROR, "A stream has a second STATIC_DATA_END")
declare_rule(
    "static-data-in-v2", expert.severity.ERROR,
    "A version 2 stream has records that, by their bodies, are the static data of version 3"
)
declare_rule("hvm-params-after-context", expert.severity.NOTE, "A version 3 stream has HVM_CONTEXT before HVM_PARAMS")
declare_rule("pv-record-in-hvm", expert.severity.ERROR, "The stream of an HVM guest has a record of PV guests")
declare_rule("hvm-record-in-pv", expert.severity.ERROR, "The stream of a PV guest has a record of HVM guests")
declare_rule("checkpoint-end-unexpected", expert.severity.ERROR, "A CHECKPOINT_END comes with no CHECKPOINT before it")
declare_rule("postcopy-begin-repeated", expert.severity.ERROR, "A stream has a second POSTCOPY_BEGIN")
declare_rule(
    "postcopy-begin-missing", expert.severity.ERROR, "A postcopy record comes with no POSTCOPY_BEGIN before it"
)
declare_rule(
    "postcopy-transition-missing", expert.severity.ERROR,
    "Records of the other layer come although nothing announced the change of layer"
)
declare_rule(
    "postcopy-context-missing", expert.severity.ERROR,
    "Between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN stands something other than the whole CPU context"
)
declare_rule(
    "postcopy-page-data-before-transition", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA comes before the transition to postcopy has ended"
)
declare_rule("page-data-after-postcopy-begin", expert.severity.ERROR, "PAGE_DATA comes after POSTCOPY_BEGIN")
declare_rule(
    "postcopy-pfns-before-begin", expert.severity.ERROR,
    "POSTCOPY_PFNS or POSTCOPY_TRANSITION comes with no POSTCOPY_PFNS_BEGIN before it"
)
declare_rule(
    "postcopy-record-after-transition", expert.severity.ERROR,
    "A record comes after the transition that may only come before it"
)
declare_rule(
    "postcopy-pfn-announced-twice", expert.severity.ERROR, "POSTCOPY_PFNS announces a backed pfn a second time"
)
declare_rule(
    "postcopy-page-not-announced", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA holds a pfn that no POSTCOPY_PFNS announced as backed"
)
declare_rule(
    "postcopy-page-type", expert.severity.ERROR, "POSTCOPY_PAGE_DATA holds an entry of type XTAB, BROKEN or XALLOC"
)
declare_rule(
    "postcopy-page-repeated", expert.severity.ERROR,
    "POSTCOPY_PAGE_DATA holds a pfn that an earlier one already carried"
)
declare_rule(
    "postcopy-fault-not-announced", expert.severity.ERROR,
    "POSTCOPY_FAULT asks for a pfn that was never announced as backed"
)
declare_rule("postcopy-fault-repeated", expert.severity.ERROR, "POSTCOPY_FAULT asks for the same pfn a second time")
declare_rule(
    "postcopy-fault-after-page", expert.severity.NOTE,
    "POSTCOPY_FAULT asks for a page whose whole record was acknowledged before the fault left"
)
declare_rule("postcopy-fault-after-complete", expert.severity.ERROR, "POSTCOPY_FAULT comes after POSTCOPY_COMPLETE")
declare_rule("postcopy-fault-has-type", expert.severity.ERROR, "An entry of POSTCOPY_FAULT has type bits set")
declare_rule("postcopy-complete-race", expert.severity.ERROR, "POSTCOPY_PAGE_DATA arrives after POSTCOPY_COMPLETE left")
declare_rule("postcopy-optional-record", expert.severity.WARN, "An unknown optional record comes in the postcopy phase")
declare_rule("xl-handshake", expert.severity.ERROR, "A closing message of xl is not the expected one")
declare_rule("xl-target-failed", expert.severity.WARN, "The destination reported that it could not start the guest")
declare_rule(
    "stream-resynchronised", expert.severity.WARN,
    "The way through the records was lost over missing octets and found again later"
)

-- Helpers: numbers out of octets, and numbers for people --------------------------------------------------------------

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

-- Walking: layouts, field by field ------------------------------------------------------------------------------------

-- Follows a layout through a body. `visitor.field(field, at, size, value, context)` is called for each field,
-- `visitor.element(field, index, at, context)` for each element of an array: what it gives is the context of the fields
-- inside, which are left out if it gives nil. Gives the offset after the last field; nil if the octets are too few.
local walk
do

-- The elements that an array takes of the octets.
local function walk_array(field, octets_seen, at, big, visitor, context, values)
    local index, ending = 0, field.ending
    local count = field.by and values[field.by]
    while index ~= count do
        local last, after = {}, nil
        if at < #octets_seen then
            local inside = visitor.element and visitor.element(field, index, at, context)
            after = walk(field.elements, octets_seen, at, big, inside and visitor or {}, inside, last)
        end
        if not after and (field.by or ending) then return nil end
        if not after then return at end
        index, at = index + 1, after
        if ending and last[ending[1]] == ending[2] then return at end
    end
    return at
end

-- How many octets a field of unsettled length takes, and how many follow that belong to it but are no value.
local function size_of(field, octets_seen, at, values)
    if field.kind == "rest" then return #octets_seen - at, 0 end
    if field.kind == "cstring" then
        local nul = find(octets_seen, "\0", at + 1, true)
        return nul and nul - 1 - at, 1
    end
    return values[field.size] or field.size, 0
end

function walk(layout, octets_seen, at, big, visitor, context, values)
    values = values or {}
    for _, field in ipairs(layout) do
        if field.kind == "array" then
            at = walk_array(field, octets_seen, at, big, visitor, context, values)
            if not at then return nil end
        else
            local size, more = size_of(field, octets_seen, at, values)
            if not size or at + size + more > #octets_seen then return nil end
            local value = field.kind == "uint" and number(octets_seen, at, size, big) or nil
            if field.name then values[field.name] = value end
            if visitor.field then visitor.field(field, at, size, value, context) end
            at = at + size + more
        end
    end
    return at
end

end

-- Channels: what the two directions of a connection share, and what is known of a capture -----------------------------

-- A flow is one direction of a connection: `offset` octets of it were consumed, `buffer` holds those that were seen and
-- not consumed, `skip` of the next ones nobody needs; `next` is the offset of what arrives next. A channel is what the
-- two flows of a migration share.

local FIRST_SEQ_MAX = 65536 -- connections that carry no migration yet of which the first octet's place is remembered

-- All that is known of a capture.
local function new_capture()
    return {
        channels = {}, -- migrations, in the order in which they were found
        found = {}, -- items found in the packet at hand
        ended = {}, -- and those that ended in it
        by_stream = {}, -- connections by Wireshark's number of them
        by_ends = {}, -- and by addresses and ports, one after the other
        first_seq = {}, -- of connections that may carry a migration, by number, then by sender
        first_seq_count = 0,
        bodies_kept = 0, -- octets
        waiting = 0, -- flows that hold octets behind a gap
        handled = 0, -- the packet that TCP handed over last
    }
end

local capture = new_capture()

local OUTERMOST_FIRST = { xl = 1, xenops = 2, libxl = 3, libxc = 4 }

local function has_layer(channel, layer)
    for _, one in ipairs(channel.layers) do
        if one == layer then return true end
    end
    return false
end

-- A stream of this layer was seen: not always after the one around it, whose header may be lost.
local function enter(flow, layer)
    local channel = flow.channel
    flow.layers[layer] = true
    if has_layer(channel, layer) then return end
    if layer == "libxc" and #channel.layers == 1 and channel.layers[1] == "xl" then
        table.insert(channel.layers, "libxl") -- its header was lost: xl sends nothing else
    end
    table.insert(channel.layers, layer)
    table.sort(channel.layers, function(one, other) return OUTERMOST_FIRST[one] < OUTERMOST_FIRST[other] end)
end

-- The layer around this one.
local function outer(channel, layer)
    for index, one in ipairs(channel.layers) do
        if one == layer then return channel.layers[index - 1] end
    end
    return nil
end

-- Whether a libxl stream may be around the libxc stream, though no octet of it was seen.
local function may_be_in_libxl(channel)
    return not channel.bare and not has_layer(channel, "libxl") and not has_layer(channel, "xenops")
end

-- Byte order of a layer's records: libxl and libxc each say their own, xenops has one.
local function is_big(flow, layer)
    local big = flow.channel.big
    if layer == "libxl" and big.libxl ~= nil then return big.libxl end
    return big[layer == "xenops" and "xenops" or "libxc"]
end

local function libxc_table(channel)
    return LIBXC_RECORDS[channel.version] or LIBXC_RECORDS.unknown
end

local function is_pv(channel)
    return GUEST_TYPES[channel.guest] == "x86 PV"
end

-- The byte order of a save header; nil if its byteorder field holds neither order's value.
local function xl_byte_order(octets_seen)
    for _, big in ipairs({ false, true }) do
        if u32(octets_seen, #XL_MAGIC, big) == XL_BYTEORDER then return true, big end
    end
    return false, false
end

-- Faults: which page answers which fault ------------------------------------------------------------------------------

local is_misdirected, new_faults, keeps_runs, match
do

local RECENT = 131072 -- pages that a fault may still turn out to have crossed on the wire
local PENDING = 65536 -- faults that wait for their page at most

function new_faults()
    return {
        outstanding = new_set(), -- announced pfns with backing data
        sent = new_set(),
        asked = new_set(),
        pending = {},
        pending_count = 0,
        carrier = {},
        recent = {},
        recent_first = 1,
        recent_last = 0,
        recent_pages = 0,
        announced = 0,
        pages = 0,
        fault_records = 0,
        faulted = 0,
        answered = 0,
        in_flight = 0,
    }
end

function is_misdirected(item)
    return item.spec ~= nil and item.spec.direction ~= nil
        and item.spec.direction ~= "both" and item.spec.direction ~= item.direction
end

-- Whether an item's first octet was captured before another's last.
local function began_before(item, frame)
    return item.first_frame < frame
end

local function link(item, pfn, other, in_flight)
    item.links = item.links or {}
    table.insert(item.links, { pfn = pfn, item = other, in_flight = in_flight })
    if item.name == "POSTCOPY_FAULT" then
        item.answers = item.answers or {}
        item.answers[pfn] = item.links[#item.links]
    end
end

local function answer(faults, fault, page)
    fault.answer = page
    fault.in_flight = began_before(page, fault.asked.last_frame)
    faults.answered = faults.answered + 1
    if fault.in_flight then faults.in_flight = faults.in_flight + 1 end
    link(fault.asked, fault.pfn, page, fault.in_flight)
    for _, asked in ipairs(fault.again or {}) do
        link(asked, fault.pfn, page, began_before(page, asked.last_frame))
    end
    link(page, fault.pfn, fault.asked, fault.in_flight)
end

local function announce(faults, item)
    local again = {}
    for _, run in ipairs(item.runs) do
        faults.announced = faults.announced + run.count
        if not UNBACKED[run.kind] then
            local before = faults.outstanding.count
            for pfn = run.first, run.first + run.count - 1 do faults.outstanding:add(pfn) end
            if faults.outstanding.count - before < run.count then again[#again + 1] = run end
        end
    end
    return again
end

-- A repeated fault counts for nothing, but has the same answer.
local function ask_again(faults, pfn, item)
    local page, waiting = faults.carrier[pfn], faults.pending[pfn]
    if page then
        link(item, pfn, page, began_before(page, item.last_frame))
    elseif waiting then
        waiting.again = waiting.again or {}
        table.insert(waiting.again, item)
    end
end

local function ask(faults, item)
    local again = {}
    faults.fault_records = faults.fault_records + 1
    item.latest = {}
    for _, run in ipairs(item.runs) do
        for pfn = run.first, run.first + min(run.count, PENDING) - 1 do
            if not faults.asked:add(pfn) then
                again[#again + 1] = { first = pfn, count = 1, kind = run.kind }
                ask_again(faults, pfn, item)
            else
                local fault = { pfn = pfn, asked = item }
                table.insert(item.latest, fault)
                faults.faulted = faults.faulted + 1
                if faults.carrier[pfn] then
                    answer(faults, fault, faults.carrier[pfn])
                elseif not faults.sent:has(pfn) and faults.pending_count < PENDING then
                    faults.pending[pfn] = fault
                    faults.pending_count = faults.pending_count + 1
                end
            end
        end
    end
    return again
end

-- The pages that came last can still be asked for by faults that are on their way.
local function remember(faults, item, run)
    for pfn = run.first, run.first + min(run.count, RECENT) - 1 do
        if not faults.carrier[pfn] then faults.carrier[pfn] = item end
        local fault = faults.pending[pfn]
        if fault then
            faults.pending[pfn] = nil
            faults.pending_count = faults.pending_count - 1
            answer(faults, fault, item)
        end
    end
    faults.recent_last = faults.recent_last + 1
    faults.recent[faults.recent_last] = { item = item, first = run.first, count = run.count }
    faults.recent_pages = faults.recent_pages + run.count
    while faults.recent_pages > RECENT and faults.recent_first < faults.recent_last do
        local old = faults.recent[faults.recent_first]
        faults.recent[faults.recent_first] = nil
        faults.recent_first = faults.recent_first + 1
        faults.recent_pages = faults.recent_pages - old.count
        for pfn = old.first, old.first + min(old.count, RECENT) - 1 do
            if faults.carrier[pfn] == old.item then faults.carrier[pfn] = nil end
        end
    end
end

local function send(faults, item)
    local again = {}
    for _, run in ipairs(item.runs) do
        faults.pages = faults.pages + run.count
        if not UNBACKED[run.kind] then
            local before = faults.sent.count
            for pfn = run.first, run.first + run.count - 1 do faults.sent:add(pfn) end
            if faults.sent.count - before < run.count then again[#again + 1] = run end
            remember(faults, item, run)
        end
    end
    return again
end

local function pfns_of(item)
    local pfns = {}
    for _, run in ipairs(item.runs) do
        for pfn = run.first, run.first + min(run.count, PENDING) - 1 do pfns[#pfns + 1] = pfn end
    end
    return pfns
end

local TAKES = { POSTCOPY_PFNS = announce, POSTCOPY_FAULT = ask, POSTCOPY_PAGE_DATA = send }

-- Whether the runs of a record have to be kept until its end.
function keeps_runs(item)
    return TAKES[item.name] ~= nil
end

-- Matches the faults and the pages of a libxc record that ended. Gives the runs that announce, ask for or send a page
-- a second time.
function match(faults, item)
    local takes = TAKES[item.name]
    if item.name == "POSTCOPY_FAULT" and item.runs then item.pfns = pfns_of(item) end
    if not takes or not item.whole or not item.runs or is_misdirected(item) then return {} end
    return takes(faults, item)
end

end

-- Judging: the rules over each item, in the order in which items end --------------------------------------------------

local new_situation, broken, judge_beginning, judge_listed, take_in
do

-- How far one migration is, and how much of it is known.
function new_situation()
    return {
        state = "start",
        followed = false, -- whether every header since the domain header was read
        lists_whole = false, -- whether every list of announced pages was captured
        pages_whole = false,
        context = {}, -- the context records of the present stop of the guest
        seen = {}, -- names of records that came, and ids of rules that were broken, as far as it matters later
        kind = "live",
    }
end

-- Headers were lost: where the stream stands is unknown, and lists of pages may be lost as well.
local function forget(now)
    now.state = nil
    now.followed, now.lists_whole, now.pages_whole = false, false, false
end

-- An item broke a rule.
function broken(item, rule_id, message, ...)
    item.findings = item.findings or {}
    table.insert(item.findings, { rule = rule_id, message = format(message, ...) })
end

local function end_of(item)
    return item.offset + item.length
end

-- Whether the sender of one record had received the whole of another, of the other direction: it has acknowledged it.
-- Nil where no acknowledgement is known.
local function knew(item, other)
    if not item.acked then return nil end
    return item.acked >= end_of(other)
end

local function is_followed(flow)
    return flow.found and not flow.lost_at and flow.passed_over == 0
end

-- Whether every octet of a direction was captured, and understood.
local function is_whole(flow)
    if not flow or flow.offset == 0 or not is_followed(flow) then return false end
    return flow.gaps == 0 and not flow.late and not flow.channel.late
end

-- Bodies

local function judge_reserved(item, layout, octets_seen)
    local visitor = {}
    function visitor.field(field, _, _, value)
        if field.is_reserved and value ~= 0 then
            broken(item, "reserved-bits-set", "%s is %s, not zero", field.name, hexadecimal(value))
        end
        -- Unknown mandatory flags of xl are worse than a reserved bit, and have a rule of their own.
        for _, one in ipairs(field.name ~= "mandatory_flags" and field.parts or {}) do
            local bits_set = floor(floor(value / 2 ^ one.shift) % 2 ^ one.width)
            if one.name == "reserved" and bits_set ~= 0 then
                broken(item, "reserved-bits-set", "%s.reserved is %s, not zero", field.name, hexadecimal(bits_set))
            end
        end
    end
    walk(layout, octets_seen, 0, item.big, visitor)
end

-- What a header breaks that is not what it should be; each says whether it broke anything.
local HEADER_RULES = {
    ["xl header"] = function(item, body)
        local is_known, big = xl_byte_order(body)
        local flags = u32(body, 36, big)
        if not is_known then
            broken(item, "bad-xl-header", "byteorder is 0x%08x, not 0x01020304 in either order", u32(body, 32, big))
        elseif flags >= 4 then
            broken(item, "bad-xl-header", "unknown mandatory flags 0x%x", flags - flags % 4)
        elseif flags % 4 < 2 then
            broken(item, "legacy-stream", "mandatory_flags 0x%x: no libxl stream of version 2 follows", flags)
        end
    end,
    ["libxl header"] = function(item, body)
        local version = u32(body, 8, true)
        if not starts_with(body, LIBXL_IDENT) then
            local low, high = u64(body, 0, true)
            broken(item, "bad-libxl-header", "ident is 0x%08x%08x, not 'LibxlFmt'", high, low)
        elseif version ~= LIBXL_VERSION then
            broken(item, "bad-libxl-header", "version is %d, not %d", version, LIBXL_VERSION)
        end
    end,
    ["image header"] = function(item, body)
        local is_marked, is_named = starts_with(body, IMAGE_MAGIC:sub(1, 8)), body:sub(9, 12) == IMAGE_MAGIC:sub(9)
        local low, high = u64(body, 0, true)
        local version = u32(body, 12, true)
        if not is_marked and not is_named then
            broken(item, "legacy-stream", "in place of the marker, all ones, stands 0x%08x%08x", high, low)
        elseif not is_marked then
            broken(item, "bad-image-header", "marker is 0x%08x%08x, not all ones", high, low)
        elseif not is_named then
            broken(item, "bad-image-header", "id is 0x%08x, not 'XENF'", u32(body, 8, true))
        elseif not OF_VERSION[version] then
            broken(item, "bad-image-header", "version %d is not specified", version)
        end
    end,
    ["domain header"] = function(item, body)
        local guest, shift = u32(body, 0, item.big), u16(body, 4, item.big)
        if not GUEST_TYPES[guest] then broken(item, "bad-domain-header", "guest type %d is unknown", guest) end
        if shift ~= PAGE_SHIFT then broken(item, "bad-domain-header", "page_shift is %d, not %d", shift, PAGE_SHIFT) end
    end,
}

local function judge_header(item)
    local body, spec = item.body or "", item.spec
    if not item.whole or #body < spec.size then return end
    local before = item.findings and #item.findings or 0
    if HEADER_RULES[item.name] then HEADER_RULES[item.name](item, body) end
    -- Of a header that is not what it should be no bit means anything.
    if (item.findings and #item.findings or 0) > before then return end
    judge_reserved(item, spec.layout, body:sub(1, spec.size))
end

local function judge_pages_length(item)
    local length, spec = item.body_length, item.spec
    if length < PAGES_HEADER_SIZE then
        broken(item, "body-length-mismatch", "body_length %d has no room for count and reserved", length)
        return
    end
    if not item.count then return end
    local needed = PAGES_HEADER_SIZE + ENTRY_SIZE * item.count
    if PAGES_HEADER_SIZE + ENTRY_SIZE * item.listed < min(length - length % ENTRY_SIZE, needed) then
        return -- not all entries were captured or looked at
    end
    if item.count == 0 then broken(item, "empty-pages-record", "count is 0") end
    if spec.contents and item.channel.page_shift ~= PAGE_SHIFT then
        return -- that is a violation of its own, and the size of a page is unknown
    end
    if spec.contents and needed <= length then needed = needed + item.backed * 2 ^ PAGE_SHIFT end
    if needed ~= length then
        local format_string = "body_length %s, count %s says %s"
        broken(item, "body-length-mismatch", format_string, grouped(length), grouped(item.count), grouped(needed))
    end
end

-- One entry for each frame of the table, which holds as many of the guest's words as fit.
local function judge_frames(item)
    local first, last = u32(item.body, 0, item.big), u32(item.body, 4, item.big)
    for _, words in ipairs({ 512, 1024 }) do -- of a 64-bit and of a 32-bit guest
        if item.body_length == 8 + 8 * (floor(last / words) - floor(first / words) + 1) then return end
    end
    local says = "body_length %s is not what pfns %s to %s need"
    broken(item, "body-length-mismatch", says, grouped(item.body_length), grouped(first), grouped(last))
end

local function judge_length(item)
    local length, spec = item.body_length, item.spec
    if spec.shape == "signal" then
        if length > 0 then
            broken(item, "nonempty-signal", "a signal has no body, this one has %s octets", grouped(length))
        end
    elseif spec.shape == "pages" then
        judge_pages_length(item)
    elseif spec.shape == "page" then
        local page = 2 ^ PAGE_SHIFT
        if length ~= page and item.channel.page_shift == PAGE_SHIFT then
            broken(item, "body-length-mismatch", "body_length %s, a page has %s", grouped(length), grouped(page))
        end
    elseif item.body and #item.body >= length then
        local used = walk(spec.layout, item.body, 0, item.big, {})
        if not used then
            local says = "body_length %s is too short for what its own counts say"
            broken(item, "body-length-mismatch", says, grouped(length))
        elseif used ~= length then
            local says = "body_length %s, its own counts say %s"
            broken(item, "body-length-mismatch", says, grouped(length), grouped(used))
        elseif item.name == "X86_PV_P2M_FRAMES" then
            judge_frames(item)
        end
    end
end

local function judge_entries(item)
    if not item.count then return end
    if item.reserved ~= 0 then broken(item, "reserved-bits-set", "reserved is 0x%x, not zero", item.reserved) end
    if item.spec.direction ~= REVERSE and item.reserved_type then
        local pfn, kind = item.reserved_type[1], item.reserved_type[2]
        broken(item, "reserved-page-type", "pfn %s has page type %d", hexadecimal(pfn), kind)
    end
    if item.reserved_entry then
        broken(item, "reserved-bits-set", "entry %s: bits 52 to 59 are not zero", grouped(item.reserved_entry))
    end
end

local RESERVED_SHOWN = 64 -- octets of a body that are looked at for reserved fields: none is further on

local function judge_unknown(item)
    if item.type < OPTIONAL then
        broken(item, "unknown-mandatory-record", "mandatory record 0x%08x is specified nowhere", item.type)
    elseif item.channel.now.state == "postcopy pages" then
        local says = "optional record 0x%08x: the known receiver and sender fail on it in the postcopy phase"
        broken(item, "postcopy-optional-record", says, item.type)
    else
        broken(item, "unknown-optional-record", "optional record 0x%08x is specified nowhere", item.type)
    end
end

-- The rules that a header or record breaks by itself.
local function judge_alone(item)
    local spec = item.spec
    if not item.type then
        judge_header(item)
    elseif item.body_length > BODY_LENGTH_MAX and item.layer ~= "xenops" then
        local says = "body_length %s, the most any receiver accepts is %s"
        broken(item, "record-too-long", says, grouped(item.body_length), grouped(BODY_LENGTH_MAX))
    elseif item.name == "LIBXC_LEGACY" then
        broken(item, "legacy-stream", "record type 0x%x says that a legacy libxc stream follows", item.type)
    else
        if not spec then judge_unknown(item) end
        if item.padding and item.padding:find("[^\0]") then
            local shown = item.padding:gsub(".", function(one) return format("%02x ", byte(one)) end)
            broken(item, "nonzero-padding", "padding after the body is %s", shown)
        end
        if not spec or item.layer == "xenops" then return end
        if not item.is_listed then judge_length(item) end
        if spec.shape == "pages" then
            if not item.is_listed then judge_entries(item) end
        elseif spec.shape ~= "signal" and item.body then
            judge_reserved(item, spec.layout, item.body:sub(1, RESERVED_SHOWN))
        end
    end
end

-- Order

-- The state that is meant, by the streams that are around this one, as far as that is known.
local function state_after(state, in_libxl, in_xenops)
    if not in_libxl and WITHOUT_LIBXL[state] then
        if in_libxl == nil then return nil end
        return state_after(WITHOUT_LIBXL[state], true, in_xenops)
    end
    return in_xenops and state == "finished" and "xenops tail" or state
end

-- What a record breaks in a state that does not allow it: a rule, and the state that the record implies.
local function misplaced(key, state)
    for _, one in ipairs(MISPLACED[key] or {}) do
        for _, where in ipairs(one.states) do
            if where == state then return one.rule, one.follows end
        end
    end
    return "unexpected-record", nil
end

-- Framing notes where records of the other layer follow and nothing handed over to it.
local function judge_announcement(item, now)
    local should_be = item.announcement_missing and SHOULD_BE[item.layer]
    if not should_be then return end
    for _, state in ipairs(should_be.states) do
        if now.state == state then
            local says = "%s is %s's, and no %s came before it"
            broken(item, item.announcement_missing, says, item.name, item.layer, should_be.missing)
            now.state = should_be.follows
            return
        end
    end
    if now.state == "early pages" then now.state = should_be.follows end
end

local function judge_state(item, key, now)
    local channel, before = item.channel, now.state
    if not before then
        now.state = NATURAL[key]
    elseif STATES[before][key] then
        now.state = STATES[before][key]
    elseif MISSED[key] and now.seen[MISSED[key]] then
        return -- that it was missing where it belongs was said
    else
        local rule_id, follows = misplaced(key, before)
        now.seen[rule_id] = true
        broken(item, rule_id, '%s in the state "%s"', item.name, before)
        now.state = follows or before
    end
    if key == "domain header" then
        now.state = OF_VERSION[channel.version]
        now.followed, now.lists_whole, now.pages_whole = true, true, true
    end
    if now.state then
        local in_libxl = has_layer(channel, "libxl")
        if may_be_in_libxl(channel) then in_libxl = nil end
        now.state = state_after(now.state, in_libxl, has_layer(channel, "xenops") and item.layer ~= "xenops")
    end
end

-- The context records of one stop of the guest: which came, and in which order.
local function judge_context(item, key, before, now)
    local guest = GUEST_TYPES[item.channel.guest]
    if CONTEXT[key] then
        local is_late = item.name == "HVM_PARAMS" and now.context.HVM_CONTEXT
        if is_late and item.channel.version == 3 and not now.seen.HVM_PARAMS then
            now.seen.HVM_PARAMS = true
            broken(item, "hvm-params-after-context", "HVM_PARAMS comes after HVM_CONTEXT")
        end
        now.context[item.name] = true
    elseif key == "libxc.POSTCOPY_PFNS_BEGIN" and before == "postcopy begun" then
        local missing = {}
        for _, name in ipairs(HVM_CONTEXT) do
            if not now.context[name] then missing[#missing + 1] = "no " .. name end
        end
        if guest ~= "x86 HVM" then missing = next(now.context) and {} or { "no context record" } end
        if missing[1] then
            local says = "%s between POSTCOPY_BEGIN and POSTCOPY_PFNS_BEGIN"
            broken(item, "postcopy-context-missing", says, table.concat(missing, ", "))
        end
    end
    local ends_stop = key == "libxc.POSTCOPY_BEGIN" or key == "libxc.CHECKPOINT" or key == "libxc.PAGE_DATA"
    if ends_stop then now.context = {} end
end

-- The table of frames cannot be read by who does not know how wide the guest's words are.
local function judge_pv_info(item, key, now)
    if key == "libxc.X86_PV_P2M_FRAMES" and now.followed and not now.seen.X86_PV_INFO then
        now.seen[MISSED["libxc.X86_PV_INFO"]] = true
        broken(item, "unexpected-record", "X86_PV_P2M_FRAMES, and no X86_PV_INFO came before it")
    elseif key == "libxc.X86_PV_INFO" then
        now.seen.X86_PV_INFO = true
    end
end

-- The place of a header or record of the forward direction among the others.
local function judge_order(item, now)
    local key = item.type and item.layer .. "." .. item.name or item.name
    local guest = GUEST_TYPES[item.channel.guest]
    if PV_ONLY[key] and (guest == "x86 HVM" or guest == "x86 PVH") then
        if item.skipped == 0 then -- else it was found by what it looks like, and libxl has some of the same numbers
            broken(item, "pv-record-in-hvm", "%s in a stream whose domain header says %s", item.name, guest)
        end
        return
    elseif HVM_ONLY[key] and guest == "x86 PV" then
        broken(item, "hvm-record-in-pv", "%s in a stream whose domain header says %s", item.name, guest)
        return
    end
    judge_announcement(item, now)
    local before = now.state
    judge_state(item, key, now)
    judge_context(item, key, before, now)
    judge_pv_info(item, key, now)
    if not now.transition and now.state == "postcopy pages" then
        now.transition = item
        -- A POSTCOPY_COMPLETE that was captured before, but left after this had arrived, is in order.
        if not now.complete and now.early_complete and knew(now.early_complete, item) then
            now.complete = now.early_complete
        end
    end
    if key == "libxc.END" and (before == "postcopy pages" or before == "early pages") and not now.complete then
        now.state = nil -- the sender may well go on
    end
end

-- Pages

local function named(run)
    if run.count == 1 then return "pfn " .. hexadecimal(run.first) .. " was" end
    local first, last = hexadecimal(run.first), hexadecimal(run.first + run.count - 1)
    return format("one or more of the pfns %s to %s were", first, last)
end

local function judge_unannounced(item, pfns, rule_id, now)
    if not now.lists_whole then return end
    local outstanding = item.channel.faults.outstanding
    for pfn = pfns.first, pfns.first + pfns.count - 1 do
        if not outstanding:has(pfn) then
            broken(item, rule_id, "pfn %s was never announced as backed", hexadecimal(pfn))
            return
        end
    end
end

-- POSTCOPY_COMPLETE leaves when every page has come, so a page it has not acknowledged comes too late. Pages may be
-- captured before it and arrive after it left, as well as be captured after it.
local function judge_race(now)
    local pages, complete = now.page_data, now.complete
    if pages and complete and not now.raced and knew(complete, pages) == false then
        now.raced = pages
        local says = "the destination had %.0f octets when POSTCOPY_COMPLETE left, this record ends at %.0f"
        broken(pages, "postcopy-complete-race", says, complete.acked, end_of(pages))
    end
end

local function judge_page_runs(item, now)
    for _, run in ipairs(item.runs or {}) do
        if UNBACKED[run.kind] then
            local says = "pfn %s has type %s: no page can follow"
            broken(item, "postcopy-page-type", says, hexadecimal(run.first), PAGE_TYPES[run.kind])
        elseif item.skipped == 0 then
            judge_unannounced(item, run, "postcopy-page-not-announced", now)
        end
    end
end

local function judge_pages(item, again, now)
    local is_listed = item.whole and item.count ~= nil and item.listed >= item.count
    if item.name == "POSTCOPY_PFNS" then
        now.lists_whole = now.lists_whole and is_listed
        for _, run in ipairs(again) do
            broken(item, "postcopy-pfn-announced-twice", "%s announced before", named(run))
        end
    elseif item.name == "POSTCOPY_PAGE_DATA" then
        now.pages_whole = now.pages_whole and is_listed
        now.page_data = item
        judge_race(now)
        if not item.is_listed then judge_page_runs(item, now) end
        for _, run in ipairs(again) do broken(item, "postcopy-page-repeated", "%s sent before", named(run)) end
    end
end

-- Whether the postcopy phase had not begun when a record of the reverse direction was captured. Whether that breaks a
-- rule only the end can say.
local function is_early(now)
    return not now.transition and now.state ~= nil
end

local function judge_fault(item, again, now)
    if now.complete then
        broken(item, "postcopy-fault-after-complete", "POSTCOPY_COMPLETE was at offset %.0f", now.complete.offset)
    end
    local early = is_early(now)
    for _, run in ipairs(item.runs or {}) do
        if run.kind ~= 0 then
            local says = "pfn %s has type bits 0x%x"
            broken(item, "postcopy-fault-has-type", says, hexadecimal(run.first), run.kind)
        end
        if not early then judge_unannounced(item, run, "postcopy-fault-not-announced", now) end
    end
    for _, run in ipairs(again) do broken(item, "postcopy-fault-repeated", "%s asked for before", named(run)) end
    for _, fault in ipairs(item.latest or {}) do
        local page = fault.answer
        local was_there = page and (page.holes or 0) == 0 and page.last_frame <= item.last_frame
        if was_there and knew(item, page) then
            local says = "pfn %s was acknowledged to the source already: its record ended in frame %d, %s before"
            local since = duration(item.first_time - page.last_time)
            broken(item, "postcopy-fault-after-page", says, hexadecimal(fault.pfn), page.last_frame, since)
        end
    end
    item.latest = nil
end

local function judge_reverse(item, again, now)
    if item.name == "POSTCOPY_FAULT" then
        judge_fault(item, again, now)
    elseif item.name == "POSTCOPY_COMPLETE" and not now.complete then
        if is_early(now) then
            now.early_complete = now.early_complete or item
        else
            now.complete = item
            judge_race(now)
        end
    end
end

-- Texts

-- Whether a text may have gone by that was not captured.
local function may_hide_texts(channel)
    for _, flow in ipairs({ channel.forward or false, channel.reverse or false }) do
        if not flow or not is_whole(flow) or (flow.peer.acked or 0) > flow.next then return true end
    end
    return false
end

local function judge_text(item, now)
    if not item.complete then return end
    local expected = HANDSHAKE[now.kind == "postcopy" and "postcopy" or "live"]
    local name, message = item.message and item.message.name or "text", item.message
    local wanted, is_expected = {}, message ~= nil and may_hide_texts(item.channel)
    for _, one in ipairs(expected[now.handshake or "start"] or {}) do
        wanted[#wanted + 1] = format("%s (%s)", one.text, one.direction)
        is_expected = is_expected or (one.direction == item.direction and one.text == name)
    end
    if not is_expected then
        local said = item.body:sub(1, 60):gsub("[^ -~]", ".")
        local should_be = wanted[1] and table.concat(wanted, " or ") or "nothing"
        broken(item, "xl-handshake", "expected %s, this says '%s'", should_be, said)
    end
    if not is_expected and not expected[name] then
        -- It stands where the expected one should, so the answer to that one will follow.
        for _, one in ipairs(expected[now.handshake or "start"] or {}) do
            if one.direction == item.direction then
                name = one.text
                break
            end
        end
    elseif name == "report" and byte(item.body, -1) ~= 0 then
        broken(item, "xl-target-failed", "the destination reports status %d", byte(item.body, -1))
        name = "failed report"
    end
    now.handshake = name
end

-- Types 0x10 to 0x12 are postcopy records in a stream of version 2. By its body a record of version 3 with these
-- numbers shows all the same, as long as postcopy has not begun.
local function static_data(item, now)
    local length = item.body_length
    if item.channel.version ~= 2 or item.layer ~= "libxc" or item.direction ~= FORWARD then return nil end
    if now.begun or now.has_entries then return nil end
    if item.name == "POSTCOPY_PFNS_BEGIN" and length > 0 and length % 24 == 0 then
        return format("record 0x11 has %.0f octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none", length)
    elseif item.name == "POSTCOPY_PFNS" and length % 16 == 0 and length ~= 8 + 8 * (item.count or 0) then
        return format("record 0x12 has %.0f octets: MSR entries, and no list of pfns", length)
    elseif item.name == "POSTCOPY_BEGIN" and now.has_static_data then
        return "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
    end
    return nil
end

-- An item begins. Where the capture lost nothing, the way is lost for a header that cannot be believed, and that has a
-- rule of its own.
function judge_beginning(item)
    if item.skipped > 0 and (item.flow.gaps > 0 or item.flow.torn) then
        local says = "%s octets before this record could not be followed"
        broken(item, "stream-resynchronised", says, grouped(item.skipped))
    end
end

-- All entries of a pages record were seen: what they break is told, even if the record's pages never come.
function judge_listed(item)
    local now = item.channel.now
    if static_data(item, now) then return end
    item.is_listed = true
    judge_length(item)
    judge_entries(item)
    if item.name == "POSTCOPY_PAGE_DATA" and item.direction == FORWARD then judge_page_runs(item, now) end
end

-- What later rules have to know of a record.
local function remember_for_rules(item, now)
    if not item.whole or is_misdirected(item) then return end
    if item.name == "PAGE_DATA" and (item.listed or 0) > 0 then now.has_entries = true end
    if item.name == "POSTCOPY_BEGIN" then now.begun = true end
    if starts_with(item.name, "POSTCOPY_") and item.name ~= "POSTCOPY_COMPLETE" then now.kind = "postcopy" end
end

-- An item has ended: matches it with others and judges it, in the order in which items end on the wire.
function take_in(item)
    local channel, now = item.channel, item.channel.now
    local total = channel.totals[item.name] or { records = 0, octets = 0 }
    total.records, total.octets = total.records + 1, total.octets + item.length
    channel.totals[item.name] = total
    if item.direction == FORWARD and not now.first_forward then
        now.first_forward = true
        if channel.late or item.flow.late then forget(now) end
    end
    local version_3 = item.type and static_data(item, now)
    local again = {}
    if item.layer == "libxc" and item.type and not version_3 then again = match(channel.faults, item) end
    if item.type and not version_3 then remember_for_rules(item, now) end
    if item.skipped > 0 and item.direction == FORWARD then forget(now) end
    if not item.layer then
        return -- it was judged where it began
    elseif not item.type and not item.spec then
        judge_text(item, now)
    elseif version_3 then
        now.has_static_data = true
        broken(item, "static-data-in-v2", "%s", version_3)
    else
        judge_alone(item)
        if item.type and is_misdirected(item) then
            broken(item, "wrong-direction", "%s goes %s only", item.name, item.spec.direction)
        elseif item.spec and item.direction == FORWARD then
            judge_order(item, now)
            judge_pages(item, again, now)
        elseif item.spec then
            judge_reverse(item, again, now)
        end
    end
end

end

-- Streams: a cursor over the octets of one direction ------------------------------------------------------------------

local LOST = {} -- what a parser is stopped with where the octets it waits for were not captured
local FOREVER = 2 ^ 53

local function resume(flow, lost)
    local parser = flow.parser
    if not parser then return end
    local ok, wanted = coroutine.resume(parser, lost)
    if not ok then error(wanted, 0) end
    if coroutine.status(parser) == "dead" then
        flow.parser, flow.buffer, flow.marks, flow.skip = nil, "", {}, FOREVER
    else
        flow.wanted = wanted
    end
end

-- Lets the parser go on while what it wants is there.
local function run(flow)
    while flow.parser and flow.skip == 0 and #flow.buffer >= flow.wanted do
        resume(flow)
    end
end

-- The next `length` octets are missing. The parser may hear of it more than once: what it makes of the octets before
-- the hole can begin another record that the hole is in.
local function hole(flow, length)
    local after = flow.offset + #flow.buffer + length
    while flow.parser do
        local missing = after - flow.offset - #flow.buffer
        if missing <= 0 then return end
        flow.damaged = true
        if missing > flow.skip then
            resume(flow, after)
        else
            flow.skip = flow.skip - missing
            flow.offset = flow.offset + missing
        end
        run(flow)
    end
end

-- `length` octets of a packet from one on: `source` is a Tvb, or a string where they had to wait.
local function octets_of(source, from, length)
    if length <= 0 then return "" end
    if type(source) == "string" then return source:sub(from + 1, from + length) end
    return source:raw(from, length)
end

-- The next `length` octets, of which `captured` stand in `source` from `from` on.
local function feed(flow, source, from, length, captured, frame, time)
    flow.next = flow.next + length
    while flow.skip > 0 do
        local passed = min(flow.skip, length)
        flow.skip = flow.skip - passed
        flow.offset = flow.offset + passed
        if frame > flow.high_frame then flow.high_frame, flow.high_time = frame, time end
        if captured < passed then flow.damaged, flow.torn = true, true end
        if flow.skip > 0 then return end
        from = from + passed
        captured = max(0, captured - passed)
        length = length - passed
        run(flow)
        if length == 0 then return end
    end
    if not flow.parser then return end
    local seen = octets_of(source, from, min(length, captured))
    flow.marks[#flow.marks + 1] = { offset = flow.offset + #flow.buffer, frame = frame, time = time }
    flow.buffer = flow.buffer .. seen
    if #flow.buffer >= flow.wanted then run(flow) end
    if #seen < length then
        flow.torn = true
        hole(flow, length - #seen)
    end
end

local function lose(flow, length)
    if flow.skip < FOREVER then flow.gaps = flow.gaps + 1 end
    flow.next = flow.next + length
    hole(flow, length)
end

-- What parsers call

-- Until so many octets are in the buffer.
local function wait(flow, length)
    while #flow.buffer < length do
        local lost = coroutine.yield(length)
        if lost then
            flow.resume = lost
            error(LOST, 0)
        end
    end
end

-- The same; false if none follow those that are.
local function wait_or_stop(flow, length)
    while #flow.buffer < length do
        if coroutine.yield(length) then return false end
    end
    return true
end

local function consume(flow, length)
    flow.buffer = flow.buffer:sub(length + 1)
    flow.offset = flow.offset + length
    local marks = flow.marks
    while marks[1] and marks[1].offset < flow.offset do
        local mark = marks[1]
        if mark.frame > flow.high_frame then flow.high_frame, flow.high_time = mark.frame, mark.time end
        if marks[2] and marks[2].offset <= flow.offset then
            table.remove(marks, 1)
        else
            mark.offset = flow.offset
        end
    end
    if flow.buffer == "" then flow.marks = {} end
end

-- Takes octets that are in the buffer.
local function take(flow, length)
    local taken = flow.buffer:sub(1, length)
    consume(flow, length)
    return taken
end

-- Passes over the next octets, whether they are there yet or not.
local function leave(flow, length)
    local here = min(length, #flow.buffer)
    consume(flow, here)
    flow.skip = length - here
    while flow.skip > 0 do
        local lost = coroutine.yield(0)
        if lost then
            flow.resume = lost
            error(LOST, 0)
        end
    end
end

-- Goes on at a later offset.
local function jump(flow, offset)
    flow.buffer, flow.marks, flow.skip, flow.offset = "", {}, 0, offset
end

-- Evidence: that a header stands at a place, for whoever lost the way -------------------------------------------------

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

-- Framing: octets to headers, records and texts -----------------------------------------------------------------------

local states = {} -- what reads each state's header, record or text, and says what comes next
local new_channel, regain, recognise, end_trailing, renew, start_parser
do

local PAGE_SHIFT_MAX = 30 -- 1 GiB, the largest page of any processor
local XENOPS_LENGTH_MAX = 2 ^ 40
local TEXT_MAX = 128
local BODY_KEPT = 1048576 -- octets of a body that are looked at: all state of processors and devices Xen sends
local BODIES_KEPT = 33554432 -- octets of bodies that are kept after that, of all connections together
local ENTRIES_KEPT = 1048576 -- entries of a pages record that are looked at
local RUNS_KEPT = 1048576 -- and runs of them, while the record goes on

function new_channel()
    return {
        layers = {},
        big = { libxc = false, xenops = false },
        page_shift = PAGE_SHIFT,
        postcopy = false,
        now = new_situation(),
        faults = new_faults(),
        totals = {},
    }
end

-- An item can be shown from now on: in the packet that holds the end of its header.
local function announce_item(flow, item)
    for _, mark in ipairs(flow.marks) do
        if mark.offset < item.offset + item.header then item.header_frame = mark.frame end
    end
    item.is_announced = true
    table.insert(capture.found, item)
end

-- An item begins at the first octet in the buffer.
local function begin(flow, item)
    local mark = flow.marks[1]
    flow.damaged = false
    if mark then flow.high_frame, flow.high_time = mark.frame, mark.time end
    item.flow, item.channel, item.direction = flow, flow.channel, flow.direction
    item.offset, item.first_frame, item.first_time = flow.offset, flow.high_frame, flow.high_time
    item.header_frame = item.first_frame
    item.skipped, flow.passed_over = flow.passed_over, 0
    item.big = item.big or false
    table.insert(flow.items, item)
    flow.item = item
    judge_beginning(item)
    return item
end

-- All of an item that was captured has been seen.
local function finish(flow, item, length, whole)
    item.length = length
    item.last_frame, item.last_time = flow.high_frame, flow.high_time
    item.whole = whole
    item.complete = whole and not flow.damaged
    item.acked = flow.acked
    flow.item = nil
    table.insert(capture.ended, item)
    take_in(item)
    item.runs, item.padding = nil, nil
    if item.body and capture.bodies_kept + #item.body > BODIES_KEPT then
        item.body = nil
    elseif item.body then
        capture.bodies_kept = capture.bodies_kept + #item.body
    end
end

-- A segment ends inside an entry: the packet in which the entry ends has to show all of it.
local function remember_split(flow)
    flow.split = flow.split or {}
    flow.split[flow.offset + #flow.buffer] = flow.buffer
end

-- Entries of a pages record, summed up.
local function take_entries(item, octets_seen, count)
    local big, runs = item.big, item.runs
    local last_pfn, last_type = item.last_pfn, item.last_type
    local low, high = item.low or 2 ^ 53, item.high or 0
    for index = 0, count - 1 do
        local pfn, kind, reserved_bits = entry_at(octets_seen, index * ENTRY_SIZE, big)
        if not UNBACKED[kind] then item.backed = item.backed + 1 end
        if pfn < low then low = pfn end
        if pfn > high then high = pfn end
        if reserved_bits ~= 0 and not item.reserved_entry then item.reserved_entry = item.listed + index end
        if RESERVED_PAGE_TYPES[kind] and not item.reserved_type then item.reserved_type = { pfn, kind } end
        if runs then
            if runs[1] and pfn == last_pfn + 1 and kind == last_type then
                runs[#runs].count = runs[#runs].count + 1
            elseif #runs < RUNS_KEPT then
                runs[#runs + 1] = { first = pfn, count = 1, kind = kind }
            end
        end
        last_pfn, last_type = pfn, kind
    end
    item.listed = item.listed + count
    item.last_pfn, item.last_type, item.low, item.high = last_pfn, last_type, low, high
end

-- The count, then the entries, as they come: of each only what the rules and the faults need is kept.
local function read_entries(flow, item, length)
    wait(flow, PAGES_HEADER_SIZE)
    local big = item.big
    item.count, item.reserved = u32(flow.buffer, 0, big), u32(flow.buffer, 4, big)
    take(flow, PAGES_HEADER_SIZE)
    local left = min(item.count, floor((length - PAGES_HEADER_SIZE) / ENTRY_SIZE), ENTRIES_KEPT)
    item.listed, item.backed, item.entries_end = 0, 0, item.offset + item.header + ENTRY_SIZE * left
    item.runs = keeps_runs(item) and {} or nil
    while left > 0 do
        if #flow.buffer > 0 and #flow.buffer < ENTRY_SIZE then remember_split(flow) end
        wait(flow, ENTRY_SIZE)
        local here = min(left, floor(#flow.buffer / ENTRY_SIZE))
        take_entries(item, take(flow, here * ENTRY_SIZE), here)
        left = left - here
    end
    judge_listed(item)
end

-- A body with fields, or its beginning.
local function read_body(flow, item, length)
    local keep = min(length, BODY_KEPT)
    local parts, kept = {}, 0
    item.parts = parts
    while kept < keep do
        wait(flow, 1)
        local here = take(flow, min(keep - kept, #flow.buffer))
        parts[#parts + 1] = here
        kept = kept + #here
    end
end

-- The way is lost: a header should have been at one offset, octets go on at another.
local function lose_way(flow, expected, after)
    flow.item = nil
    if after > flow.offset then jump(flow, after) end
    if flow.found and not flow.lost_at then flow.lost_at = expected end
    flow.handed_over = nil
    flow.state = "hunt"
end

-- Reads an item of which `length` octets and padding are still to come: what has fields is looked at, page contents
-- and the rest of long blobs are passed over. False if the next header was lost with its end. A gap inside costs what
-- it took: the length says where the next header is.
local function read_item(flow, item, length, padding)
    local last = flow.offset + length + padding
    local lost = nil
    local function read()
        if lost then
            jump(flow, lost)
            leave(flow, last - lost)
            return
        end
        if item.spec and item.spec.shape == "pages" and length >= PAGES_HEADER_SIZE then
            read_entries(flow, item, length)
        else
            read_body(flow, item, length)
        end
        leave(flow, last - padding - flow.offset)
        wait(flow, padding)
        item.padding = take(flow, padding)
    end
    repeat
        local ok, problem = pcall(read)
        if not ok and problem ~= LOST then error(problem, 0) end
        if not ok then lost = flow.resume end
    until ok or lost > last
    if item.parts then
        item.body = table.concat(item.parts)
        item.parts = nil
    end
    finish(flow, item, last - item.offset, true)
    if lost and lost > last then
        lose_way(flow, last, lost)
        return false
    end
    return true
end

-- The next octet begins a header again.
function regain(flow, state)
    if flow.lost_at then
        flow.passed_over = flow.offset - flow.lost_at
        flow.lost_at = nil
    end
    flow.state = state
end

local function open_channel(channel)
    if not channel.number then
        channel.number = #capture.channels
        table.insert(capture.channels, channel)
    end
end

-- The next octet belongs to a stream of this direction: so the other direction is the other one.
function recognise(flow, direction)
    open_channel(flow.channel)
    flow.direction, flow.found = direction, true
    local peer = flow.peer
    if not peer.found then
        peer.direction = direction == FORWARD and REVERSE or FORWARD
        if peer.direction == REVERSE and peer.state == "hunt" then
            peer.state = "reverse"
            if peer.parser then
                jump(peer, peer.offset + #peer.buffer)
                peer.wanted = 1
            end
        end
    end
    flow.channel[direction], flow.channel[peer.direction] = flow, peer
end

-- What followed the end of a stream and was no handshake goes up to a place in the buffer.
function end_trailing(flow, here)
    local item = flow.trailing
    flow.trailing = nil
    if item then finish(flow, item, flow.offset + here - item.offset, true) end
end

-- A migration ended on this connection and another begins. Each direction keeps its place: what is left of the old
-- migration's records still has to be read.
function renew(flow)
    local channel = new_channel()
    for _, one in ipairs({ flow, flow.peer }) do
        end_trailing(one, #one.buffer)
        one.channel, one.found, one.lost_at, one.layers = channel, false, nil, {}
    end
end

-- The state after a header or record of the forward direction: NEXT, or another of the same layer.
local function advance(flow, layer, name)
    local following = NEXT[layer .. "." .. name] or layer
    if name == "CHECKPOINT_END" and (flow.handed_over == "END" or flow.handed_over == "POSTCOPY_TRANSITION") then
        following = "libxl" -- there is no checkpoint that it could end
    elseif layer == "libxc" and (following == "outer" or following == "libxl, if there") then
        flow.handed_over = name
    end
    if following == "outer" then
        local around = outer(flow.channel, layer)
        following = (around == "libxl" or around == "xenops") and around or "closing"
    end
    flow.state = following
end

-- Headers

-- The header in the buffer, with `more` octets that belong to it.
local function read_header(flow, spec, big, more)
    enter(flow, spec.layer)
    local length = spec.size + more
    local item = { layer = spec.layer, name = spec.name, spec = spec, big = big, body_length = length }
    item.header, item.length = spec.size, length
    announce_item(flow, begin(flow, item))
    if read_item(flow, item, length, 0) then advance(flow, spec.layer, spec.name) end
end

states["xl header"] = function(flow)
    local spec = HEADERS["xl header"]
    wait(flow, spec.size)
    local _, big = xl_byte_order(flow.buffer)
    local flags, more = u32(flow.buffer, 36, big), u32(flow.buffer, 44, big)
    flow.channel.big.libxc, flow.channel.big.libxl = big, big
    read_header(flow, spec, big, more)
    if flags % 4 < 2 then flow.state = "legacy" end
end

-- A stream of Xen 4.5 or older has no records to follow.
states["legacy"] = function(flow)
    flow.channel.legacy = true
    flow.state = "ignore"
end

states["xenops header"] = function(flow)
    local spec = HEADERS["xenops header"]
    wait(flow, spec.size)
    read_header(flow, spec, false, 0)
end

states["libxl header"] = function(flow)
    local spec = HEADERS["libxl header"]
    wait(flow, spec.size)
    local is_named = flow.buffer:sub(1, #LIBXL_IDENT) == LIBXL_IDENT
    flow.channel.big.libxl = is_named and u32(flow.buffer, 12, true) % 2 == 1
    read_header(flow, spec, true, 0)
    if not is_named then lose_way(flow, flow.offset, flow.offset) end
end

states["image header"] = function(flow)
    local channel, spec = flow.channel, HEADERS["image header"]
    wait(flow, spec.size)
    -- One of the two is enough: a wrong marker or id alone is a finding, not another format.
    local is_named = flow.buffer:sub(1, 8) == IMAGE_MAGIC:sub(1, 8) or flow.buffer:sub(9, 12) == IMAGE_MAGIC:sub(9)
    if is_named then
        channel.version = u32(flow.buffer, 12, true)
        channel.big.libxc = u16(flow.buffer, 16, true) % 2 == 1
    end
    read_header(flow, spec, true, 0)
    if not is_named then lose_way(flow, flow.offset, flow.offset) end
end

states["domain header"] = function(flow)
    local channel, spec = flow.channel, HEADERS["domain header"]
    wait(flow, spec.size)
    local big = channel.big.libxc
    channel.guest = u32(flow.buffer, 0, big)
    local shift = u16(flow.buffer, 4, big)
    if shift <= PAGE_SHIFT_MAX then channel.page_shift = shift end
    read_header(flow, spec, big, 0)
end

-- Records

local function next_header(flow, layer)
    local big = is_big(flow, layer)
    return u32(flow.buffer, 0, big), u32(flow.buffer, 4, big)
end

-- The version, from a record whose number has two meanings, when the image header was not captured:
-- POSTCOPY_PFNS_BEGIN is empty and X86_CPUID_POLICY is not; the processors' and devices' state follows POSTCOPY_BEGIN,
-- but memory follows STATIC_DATA_END.
local function version_of(flow, kind, length)
    if kind == 0x11 then return length > 0 and 3 or 2 end
    if kind == 0x10 and length == 0 and wait_or_stop(flow, 2 * HEADER_SIZE) then
        return AFTER_POSTCOPY_BEGIN[u32(flow.buffer, HEADER_SIZE, flow.channel.big.libxc)] and 2 or 3
    end
    return nil
end

-- Whether an unknown type is near the numbers in use: anything else is rather a header read at the wrong place.
local function is_near_allotted(kind)
    return kind % OPTIONAL < 0x10000
end

-- A record of libxl or libxc, whose 8-octet header is in the buffer: type, body_length, body, padding to 8.
local function read_record(flow, layer, announcement)
    local channel = flow.channel
    local big = is_big(flow, layer)
    local kind, length = next_header(flow, layer)
    if layer == "libxc" and not channel.version then channel.version = version_of(flow, kind, length) end
    local spec = (layer == "libxl" and LIBXL_RECORDS or libxc_table(channel))[kind]
    local is_believed = length <= BODY_LENGTH_MAX and (spec ~= nil or is_near_allotted(kind))
    if not is_believed and not flow.found then
        take(flow, 1)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    flow.found = true
    enter(flow, layer)
    local name = spec and spec.name or format("UNKNOWN_0x%08x", kind)
    if name:find("^POSTCOPY_") then
        channel.postcopy = true
        -- Only version 2 streams have these: a capture that missed the image header still knows.
        channel.version = channel.version or 2
    end
    local item = { layer = layer, name = name, type = kind, spec = spec, big = big, body_length = length }
    item.announcement_missing = announcement
    local padding = -length % 8
    item.header, item.length = HEADER_SIZE, HEADER_SIZE + length + padding
    begin(flow, item)
    local has_count = is_believed and spec and spec.shape == "pages" and length >= PAGES_HEADER_SIZE
    if has_count and wait_or_stop(flow, HEADER_SIZE + PAGES_HEADER_SIZE) then
        item.header = HEADER_SIZE + PAGES_HEADER_SIZE -- what is shown first of a pages record is its count
    end
    announce_item(flow, item)
    take(flow, HEADER_SIZE)
    if not is_believed then
        -- Following this length would be guessing: the header is all that is believed of the record.
        finish(flow, item, HEADER_SIZE, false)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    if read_item(flow, item, length, padding) and flow.direction == FORWARD then advance(flow, layer, name) end
end

states["libxl"] = function(flow)
    wait(flow, HEADER_SIZE)
    local kind = next_header(flow, "libxl")
    if not LIBXL_RECORDS[kind] and libxc_table(flow.channel)[kind] then
        -- No libxl record has this number: the sender went back to libxc without saying so.
        read_record(flow, "libxc", "postcopy-transition-missing")
    else
        read_record(flow, "libxl")
    end
end

states["libxc"] = function(flow)
    local channel = flow.channel
    wait(flow, HEADER_SIZE)
    local kind = next_header(flow, "libxc")
    local is_like_libxl = kind == 2 or kind == 3 or kind == 6
    if is_like_libxl and channel.postcopy and has_layer(channel, "libxl") and not is_pv(channel) then
        -- While postcopy is set up, in a guest that is not PV, these are not X86_PV_* but libxl's EMULATOR_* and
        -- POSTCOPY_TRANSITION_END, whose numbers are the same.
        read_record(flow, "libxl", "postcopy-transition-missing")
    else
        read_record(flow, "libxc")
    end
end

-- After CHECKPOINT and POSTCOPY_TRANSITION libxl goes on, if there is one around the libxc stream.
states["libxl, if there"] = function(flow)
    local channel = flow.channel
    if may_be_in_libxl(channel) then
        wait(flow, HEADER_SIZE)
        -- libxl's records here, EMULATOR_XENSTORE_DATA to POSTCOPY_TRANSITION_END, have other numbers than those of
        -- libxc here: PAGE_DATA, POSTCOPY_PAGE_DATA, END.
        local kind = next_header(flow, "libxl")
        if kind >= 2 and kind <= 6 then enter(flow, "libxl") end
    end
    flow.state = has_layer(channel, "libxl") and "libxl" or "libxc"
end

local function is_checkpoint_state(kind)
    local spec = LIBXL_RECORDS[kind]
    return spec ~= nil and spec.name == "CHECKPOINT_STATE"
end

-- After a checkpoint COLO goes on with libxl's CHECKPOINT_STATE, Remus with libxc (libxl_colo_save.c).
states["libxl or libxc"] = function(flow)
    wait(flow, HEADER_SIZE)
    local kind, length = next_header(flow, "libxl")
    flow.state = is_checkpoint_state(kind) and length <= 8 and "libxl" or "libxc"
end

-- A record of xenopsd's image: 16 octets of header, a body without padding.
states["xenops"] = function(flow)
    wait(flow, XENOPS_HEADER_SIZE)
    local kind, length = u64_number(flow.buffer, 0, false), u64_number(flow.buffer, 8, false)
    local spec = XENOPS_RECORDS[kind]
    local name = spec and spec.name or format("UNKNOWN_0x%08x", kind % TWO_32)
    enter(flow, "xenops")
    local item = { layer = "xenops", name = name, type = kind % TWO_32, spec = spec, body_length = length }
    item.header, item.length = XENOPS_HEADER_SIZE, XENOPS_HEADER_SIZE + length
    announce_item(flow, begin(flow, item))
    take(flow, XENOPS_HEADER_SIZE)
    if not spec or length > XENOPS_LENGTH_MAX then
        finish(flow, item, XENOPS_HEADER_SIZE, false)
        lose_way(flow, flow.offset, flow.offset)
        return
    end
    local follows = spec.shape == "stream" and 0 or length
    item.length = XENOPS_HEADER_SIZE + follows
    if read_item(flow, item, follows, 0) then advance(flow, "xenops", name) end
end

-- Texts and the reverse direction

-- Whether a text begins here: no record's header is made of printable octets alone.
local function is_text(flow)
    return flow.buffer:sub(1, HEADER_SIZE):find("^[ -~]+$") ~= nil
end

-- The message that a text is; if it ends too early, the one that it can be.
local function message_of(seen, direction)
    for _, message in ipairs(MESSAGES) do
        local goes_here = message.direction == direction or message.direction == "both"
        if message.octets == seen or (goes_here and starts_with(message.octets, seen)) then return message end
    end
    return nil
end

-- Whether the outermost stream of the other direction has ended.
local function is_over(flow)
    return flow.peer.state == "closing" or flow.peer.trailing ~= nil
end

-- A handshake text, known or not, with the status octet that belongs to it. All but the banner end in a NUL.
local function read_text(flow)
    local offset = flow.offset
    while #flow.buffer < TEXT_MAX do
        if starts_with(flow.buffer, BANNER) or find(flow.buffer, "\0", 1, true) then break end
        if not wait_or_stop(flow, #flow.buffer + 1) then break end
    end
    local size = starts_with(flow.buffer, BANNER) and #BANNER or find(flow.buffer, "\0", 1, true) or TEXT_MAX
    local seen = flow.buffer:sub(1, size)
    local message = message_of(seen, flow.direction)
    if not message then
        -- The beginning of the next stream may be printable too.
        for beginning in pairs(FORWARD_BEGINNINGS) do
            local at = find(seen, beginning, 2, true)
            if at then seen = seen:sub(1, at - 1) end
        end
    end
    local length = message and #message.octets + message.status or #seen
    if message and message.octets == BANNER and flow.direction == REVERSE and flow.channel.layers[1] then
        if offset > 0 or is_over(flow) then
            renew(flow)
            recognise(flow, REVERSE)
        end
    end
    flow.found = flow.found or flow.direction == REVERSE
    if message then enter(flow, "xl") end
    local item = { layer = "xl", name = message and message.name or "text", message = message, body_length = length }
    item.header, item.length = min(length, #flow.buffer), length
    announce_item(flow, begin(flow, item))
    read_item(flow, item, length, 0)
end

-- The reverse direction: texts of xl, and records of libxc and libxl with no header before them.
states["reverse"] = function(flow)
    if has_layer(flow.channel, "xenops") then
        flow.state = "ignore" -- xenopsd answers with two octets, or a text of its own
        return
    end
    wait(flow, HEADER_SIZE)
    if not flow.found and not is_text(flow) and not begins_reverse(flow) then
        flow.state = "hunt" -- what was captured first is the middle of something
    elseif is_text(flow) then
        read_text(flow)
    else
        -- The two layers send different numbers here: CHECKPOINT_STATE is libxl's only one.
        read_record(flow, is_checkpoint_state((next_header(flow, "libxl"))) and "libxl" or "libxc")
    end
end

local function is_libxl(flow)
    if #flow.buffer < HEADER_SIZE then return false end
    local kind, length = next_header(flow, "libxl")
    local spec = LIBXL_RECORDS[kind]
    return spec ~= nil and (length == 0) == (spec.shape == "signal")
end

-- After the end of the outermost stream: texts of xl, then nothing.
states["closing"] = function(flow)
    wait(flow, 1)
    wait_or_stop(flow, HEADER_SIZE)
    if FORWARD_BEGINNINGS[flow.buffer:sub(1, HEADER_SIZE)] then
        if flow.found then renew(flow) end -- not if the banner was first to say that another migration begins
        flow.state = "hunt"
    elseif is_text(flow) then
        read_text(flow)
    elseif may_be_in_libxl(flow.channel) and is_libxl(flow) then
        enter(flow, "libxl")
        flow.state = "libxl"
    else
        local item = begin(flow, { name = "trailing data", body_length = 0, header = 1, length = 1 })
        announce_item(flow, item)
        if flow.channel.layers[1] ~= "xenops" then
            broken(item, "data-after-end", "octets after the end of the stream are no handshake")
        end
        flow.trailing = item
        flow.state = "hunt"
    end
end

-- One direction, one state after the other.
function start_parser(flow)
    flow.parser = coroutine.create(function()
        while flow.state ~= "ignore" do
            local ok, problem = pcall(states[flow.state], flow)
            if not ok then
                if problem ~= LOST then error(problem, 0) end
                lose_way(flow, flow.offset, flow.resume)
            end
        end
    end)
    flow.wanted = 1
end

end

-- Hunting: for a stream's magic, or for a header that can only be one -------------------------------------------------

local find_magic
do

local KEEP = 62 -- a magic may be split between segments: so many octets stay in sight

-- Whether a magic in mid-connection begins a header: xl's is a string in xl's own program as well, and in that file
-- no byteorder follows it.
local function is_plausible(magic, octets_seen, at)
    if magic ~= XL_MAGIC then return true end
    if #octets_seen < at + #magic + 4 then return false end
    return u32(octets_seen, at + #magic, false) == XL_BYTEORDER or u32(octets_seen, at + #magic, true) == XL_BYTEORDER
end

-- The first magic that begins a stream of the direction wanted (nil: of either), as {position, state, direction}.
function find_magic(octets_seen, wanted, is_at_start)
    local first
    for _, magic in ipairs(MAGICS) do
        -- A text of the receiver's, say, may be in the memory of a guest that has Xen's tools.
        if not wanted or wanted == magic.direction then
            local at = find(octets_seen, magic.octets, 1, true)
            while at and not ((is_at_start and at == 1) or is_plausible(magic.octets, octets_seen, at - 1)) do
                at = find(octets_seen, magic.octets, at + 1, true)
            end
            if at and (not first or at - 1 < first.position) then
                first = { position = at - 1, state = magic.state, direction = magic.direction }
                first.is_magic = true
            end
        end
    end
    return first
end

-- The first handshake text; in the forward direction with the two ENDs before it, if they are there.
local function find_text(octets_seen, direction)
    local first
    for _, message in ipairs(MESSAGES) do
        local going = direction or message.direction
        local at = (message.direction == going or message.direction == "both") and going ~= "both"
            and find(octets_seen, message.octets, 1, true)
        if at and (not first or at - 1 < first.position) then
            first = { position = at - 1, state = going == REVERSE and "reverse" or "closing", direction = going }
        end
    end
    if not first or first.direction == REVERSE then return first end
    local text_at = first.position
    for ends, state in ipairs({ "libxl", "libxc" }) do
        local position = text_at - ends * HEADER_SIZE
        if position >= 0 and not octets_seen:sub(position + 1, text_at):find("[^\0]") then
            first = { position = position, state = state, direction = first.direction }
        end
    end
    return first
end

-- The first believable header or text, if any; and how many octets can be dropped if there is none.
local function find_header(flow, direction, final)
    local octets_seen, channel = flow.buffer, flow.channel
    local found = find_text(octets_seen, direction)
    local drop = max(0, #octets_seen - KEEP)
    for _, big in ipairs(channel.version and { channel.big.libxc } or { false, true }) do
        local pattern = big and CANDIDATES_BIG or CANDIDATES_LITTLE
        local at = find(octets_seen, pattern)
        while at and not (found and at - 1 >= found.position) do
            local judge = new_judge(flow, big, final)
            judge.not_pv = not is_pv(channel) and (channel.guest ~= nil or channel.postcopy)
            for _, layer in ipairs({ "libxc", "libxl" }) do
                if evidence_at(judge, at - 1, layer) >= BELIEVED then
                    local going = direction or (judge.reverse and REVERSE or FORWARD)
                    if going == REVERSE or not judge.reverse then
                        local state = going == REVERSE and "reverse" or layer
                        return { position = at - 1, state = state, direction = going, big = big }, drop
                    end
                end
            end
            if judge.waits then
                drop = min(drop, at - 1) -- later octets will decide on this candidate
                break
            end
            at = find(octets_seen, pattern, at + 1)
        end
    end
    return found, drop
end

-- Whether a magic begins another migration, rather than a layer of this one whose outer header was lost.
local function begins_anew(flow, state)
    local layer = BEGINNINGS[state]
    return layer ~= nil and (flow.trailing ~= nil or flow.layers[layer] ~= nil)
end

-- Whether the flow stands at a header now; if not, what can no longer be part of one is dropped.
local function is_settled(flow, final)
    local octets_seen, channel = flow.buffer, flow.channel
    local direction = (flow.found or channel.number) and flow.direction or nil
    local first = find_magic(octets_seen, direction, flow.offset == 0)
    local wanted = max(0, #octets_seen - KEEP)
    if not flow.trailing then
        local likely
        likely, wanted = find_header(flow, direction, final)
        if likely and (not first or likely.position < first.position) then first = likely end
    end
    if not first then
        consume(flow, wanted)
        return false
    end
    if flow.found and first.direction == FORWARD and begins_anew(flow, first.state) then
        end_trailing(flow, first.position)
        renew(flow)
    end
    consume(flow, first.position)
    channel = flow.channel
    if not flow.found then
        flow.late = not first.is_magic -- its beginning was not captured
        channel.late = channel.late or (not BEGINNINGS[first.state] and not channel.number)
        channel.bare = first.state == "image header" and flow.gaps == 0
        recognise(flow, first.direction)
    end
    if first.big ~= nil and not channel.version then channel.big.libxc = first.big end -- no image header has said it
    regain(flow, first.state)
    return true
end

-- Passes over octets until the next header of this direction, or the beginning of a stream.
states["hunt"] = function(flow)
    if flow.offset == 0 and not flow.found then
        wait_or_stop(flow, 8)
        if find(flow.buffer, "^SSH%-%d") or find(flow.buffer, "^\22\3[%z\1-\4]..[\1\2]") then -- RFC 4253, RFC 8446
            flow.state = "ignore"
            return
        end
    end
    while flow.state == "hunt" do
        if not is_settled(flow, false) then
            local lost = coroutine.yield(#flow.buffer + 1)
            -- What is in sight is all there is before a gap: decide with that.
            if lost and not is_settled(flow, true) then
                flow.resume = lost
                error(LOST, 0)
            end
        end
    end
end

end

-- Places: where a packet's octets stand in their stream ---------------------------------------------------------------

-- A flow is one direction of a connection: `offset` octets of it were consumed, `buffer` holds those that were
-- seen and not consumed, `skip` of the next ones nobody needs. `next` is the offset of what arrives next.

-- Each field that is asked for costs in every packet: what else TCP's header says is read next to `tcp.seq_raw`.
local seq_raw, tcp_stream, tcp_len = Field.new("tcp.seq_raw"), Field.new("tcp.stream"), Field.new("tcp.len")

-- The value of a field of the packet at hand. Nil on a pass for which Wireshark builds no tree, as the first one of
-- `tshark -2` without a filter.
local function value_of(extractor)
    local found = extractor()
    return found and found()
end

local function new_flow(channel)
    return {
        channel = channel,
        direction = FORWARD,
        state = "hunt",
        found = false,
        layers = {}, -- of which it carried something; the other direction may be ahead while a gap is open
        items = {},
        offset = 0,
        next = 0,
        skip = 0,
        buffer = "",
        wanted = 0,
        marks = {},
        last_frame = 0,
        high_frame = 0,
        high_time = 0,
        turns = {},
        gaps = 0, -- holes that were not filled
        holes = {},
        held = {},
        held_octets = 0,
        acks = {}, -- the other flow's, while this one waits
        settled = 0, -- what was acknowledged so long ago that reordering is over
        passed_over = 0,
    }
end

-- What tells the two directions of a connection apart.
local function sender_of(pinfo)
    return pinfo.src_port ~= pinfo.dst_port and pinfo.src_port or tostring(pinfo.src)
end

local function new_connection(pinfo)
    local channel = new_channel()
    local connection = { one = new_flow(channel), other = new_flow(channel), first_frame = pinfo.number }
    connection.one.peer, connection.other.peer = connection.other, connection.one
    connection.sender, connection.has_ports = sender_of(pinfo), pinfo.src_port ~= pinfo.dst_port
    for _, flow in ipairs({ connection.one, connection.other }) do
        flow.connection = connection
        start_parser(flow)
    end
    return connection
end

local function ends_of(pinfo)
    local one, other = pinfo.src_port .. " " .. tostring(pinfo.src), pinfo.dst_port .. " " .. tostring(pinfo.dst)
    return one < other and one .. " " .. other or other .. " " .. one
end

-- The connection that a packet belongs to: by Wireshark's own number of it, or, where that is not to be had, by
-- addresses and ports, of which the latest use before the packet counts.
local function connection_of(pinfo, stream, create)
    local known = stream and capture.by_stream[stream]
    if known then return known end
    local ends = ends_of(pinfo)
    local uses = capture.by_ends[ends]
    for index = uses and #uses or 0, 1, -1 do
        local use = uses[index]
        local is_of_stream = stream == nil or use.stream == nil or use.stream == stream
        if use.first_frame <= pinfo.number and is_of_stream and not (use.is_over and create and not stream) then
            if stream then
                use.stream = stream
                capture.by_stream[stream] = use
            end
            return use
        end
    end
    if not create then return nil end
    local connection = new_connection(pinfo)
    connection.stream = stream
    if stream then capture.by_stream[stream] = connection end
    capture.by_ends[ends] = uses or {}
    table.insert(capture.by_ends[ends], connection)
    return connection
end

-- A connection with the addresses and ports of a packet begins: the one before has ended.
local function forget_ends(pinfo)
    local uses = capture.by_ends[ends_of(pinfo)]
    if uses then uses[#uses].is_over = true end
end

-- The flow of a connection that a packet belongs to.
local function flow_of(connection, pinfo)
    local sender = connection.has_ports and pinfo.src_port or tostring(pinfo.src)
    return sender == connection.sender and connection.one or connection.other
end

local HALF, TURN = 2147483648, 1073741824

-- The offset of a sequence number: the one nearest to `near` (RFC 9293, 3.4).
local function unwrapped(flow, seq, near)
    local distance = (seq - flow.base - near) % TWO_32
    if distance >= HALF then distance = distance - TWO_32 end
    return near + distance
end

-- The offset of the first octet of a packet that was captured before and is looked at again.
local function place_of(flow, frame, seq)
    local known = flow.placed and flow.placed[frame]
    if known then return known end
    if not seq or not flow.base then return nil end
    local near = 0
    for index = #flow.turns, 1, -1 do
        if flow.turns[index].frame <= frame then
            near = flow.turns[index].offset
            break
        end
    end
    return unwrapped(flow, seq, near)
end

-- The same of a packet that is looked at for the first time. Without a sequence number it is taken for the next one:
-- TCP hands packets over in order, and where some are missing no header is where it should be.
local function place_new(flow, pinfo, seq)
    if not seq then
        flow.placed = flow.placed or {}
        flow.placed[pinfo.number] = flow.next
        return flow.next
    end
    if not flow.base then
        local first = flow.next == 0 and capture.first_seq[flow.connection.stream]
        flow.base = first and first[sender_of(pinfo)] or (seq - flow.next) % TWO_32
        if flow.next == 0 then
            flow.next = unwrapped(flow, seq, 0)
            flow.offset = flow.next
        end
    end
    return unwrapped(flow, seq, flow.next)
end

-- Lets places be found later, without a mark for every packet: one each 1 GiB is near enough to tell turns apart.
local function mark_turn(flow, frame)
    local last = flow.turns[#flow.turns]
    if flow.next - (last and last.offset or 0) >= TURN then
        flow.turns[#flow.turns + 1] = { frame = frame, offset = flow.next }
    end
end

-- Arrival: segments in any order to octets in order -------------------------------------------------------------------

-- Octets may be missing when later ones arrive. Where they are page contents nobody waits: the hole is noted and filled
-- or not. Where they are needed, what comes behind them is held until they come, or until it is certain that they were
-- not captured: they were acknowledged so long ago that reordering is over, or before the connection was closed; too
-- much is held; no packet follows.

local HELD_MAX = 8388608 -- octets that a flow holds at most
local HOLES_MAX = 1024 -- holes of a flow that may still be filled

local close_gap, arrive, flush, note_ack
do

-- Parts of a segment may fill holes in what was passed over before.
local function fill(flow, piece, to)
    local from = piece.offset
    for index = #flow.holes, 1, -1 do
        local gap = flow.holes[index]
        if gap.to <= from then return end
        if gap.from < to then
            table.remove(flow.holes, index)
            if gap.from < from then
                table.insert(flow.holes, index, { from = gap.from, to = from, item = gap.item })
                gap.item.holes, flow.gaps = gap.item.holes + 1, flow.gaps + 1
                index = index + 1
            end
            if to < gap.to then
                table.insert(flow.holes, index, { from = to, to = gap.to, item = gap.item })
                gap.item.holes, flow.gaps = gap.item.holes + 1, flow.gaps + 1
            end
            gap.item.holes, flow.gaps = gap.item.holes - 1, flow.gaps - 1
            if not gap.item.last_frame then
                flow.high_frame, flow.high_time = piece.frame, piece.time
            elseif gap.item.last_frame < piece.frame then
                gap.item.last_frame, gap.item.last_time = piece.frame, piece.time
            end
        end
    end
end

-- Page contents that are missing: their record goes on without them.
local function pass_hole(flow, to)
    local item = flow.item
    flow.gaps = flow.gaps + 1
    item.holes = (item.holes or 0) + 1
    table.insert(flow.holes, { from = flow.next, to = to, item = item })
    if #flow.holes > HOLES_MAX then table.remove(flow.holes, 1) end
    local length = to - flow.next
    flow.next, flow.offset, flow.skip = to, flow.offset + length, flow.skip - length
end

local function deliver(flow, piece)
    local known = flow.next - piece.offset
    if known >= piece.length then return end
    local captured = max(0, piece.captured - known)
    feed(flow, piece.source, known, piece.length - known, captured, piece.frame, piece.time)
end

-- Delivers what is held, as far as nothing is missing before it.
local function drain(flow)
    local held = flow.held
    while held[1] and held[1].offset <= flow.next do
        local piece = table.remove(held, 1)
        flow.held_octets = flow.held_octets - #piece.source
        deliver(flow, piece)
    end
    if not held[1] and flow.waits then
        flow.waits, flow.acks = false, {}
        capture.waiting = capture.waiting - 1
    end
end

local function hold(flow, piece)
    if type(piece.source) ~= "string" then piece.source = octets_of(piece.source, 0, piece.captured) end
    table.insert(flow.held, above(flow.held, "offset", piece.offset), piece)
    flow.held_octets = flow.held_octets + #piece.source
    if not flow.waits then
        flow.waits = true
        capture.waiting = capture.waiting + 1
    end
end

-- What is missing before the first piece held was not captured.
function close_gap(flow)
    lose(flow, flow.held[1].offset - flow.next)
    drain(flow)
end

-- Closes gaps of which it is certain.
local function judge_gap(flow, frame)
    if not flow.held[1] then return end
    local acks, acked = flow.acks, flow.peer.acked or 0
    if not acks[1] or acks[#acks].acked < acked then acks[#acks + 1] = { frame = frame, acked = acked } end
    while acks[1] and frame - acks[1].frame >= REORDER_FRAMES do
        flow.settled = table.remove(acks, 1).acked
    end
    if flow.is_closing then flow.settled = acked end
    while flow.held[1] and (flow.held[1].offset <= flow.settled or flow.held_octets > HELD_MAX) do close_gap(flow) end
end

-- The sender of a flow has acknowledged the other one up to a sequence number; nil: the packet says nothing.
function note_ack(flow, ack, frame)
    local peer = flow.peer
    if ack and peer.base then flow.acked = max(flow.acked or 0, unwrapped(peer, ack, peer.next)) end
    judge_gap(peer, frame)
end

-- A segment that is looked at for the first time.
function arrive(flow, piece)
    local last = piece.offset + piece.length
    flow.last_frame = piece.frame
    if flow.holes[1] and piece.offset < flow.next then fill(flow, piece, min(last, flow.next)) end
    if last <= flow.next then return end
    if piece.offset > flow.next and not flow.held[1] and flow.item and piece.offset - flow.next < flow.skip then
        pass_hole(flow, piece.offset)
    end
    if piece.offset <= flow.next then
        deliver(flow, piece)
        drain(flow)
    else
        hold(flow, piece)
        judge_gap(flow, piece.frame)
    end
    mark_turn(flow, piece.frame)
end

-- No packet follows.
function flush()
    if capture.waiting == 0 then return end
    for _, uses in pairs(capture.by_ends) do
        for _, connection in ipairs(uses) do
            for _, flow in ipairs({ connection.one, connection.other }) do
                while flow.held[1] do close_gap(flow) end
            end
        end
    end
end

end

-- Rendering: the tree and the columns ---------------------------------------------------------------------------------

-- What a frame shows is a function of its place in the stream and of what is known of the stream: of the items that
-- begin or go on there. On the first pass, which knows no later frame, what ends in a frame is shown there, too.

local is_watched, latency_of, show_contents, show_frame
do

local function made(tree, field, value)
    tree:add(field, value):set_generated()
end

-- The part of a frame that belongs to octets of the stream from one offset up to another; nil if there is none.
local function range_of(place, from, to)
    from, to = max(from, place.from), min(to, place.from + place.tvb:len())
    if from >= to then return nil end
    return place.tvb(from - place.from, to - from)
end

local function add(tree, field, range, ...)
    if range then return tree:add(field, range, ...) end
    return tree:add(field, ...)
end

-- Fields

-- Adds the fields of a layout: `source` gives the range of octets of the body.
local function show_layout(tree, layout, body, at, big, source)
    local visitor, lines = {}, 0
    function visitor.field(field, from, size, _, context)
        if not field.field then return end
        local range = source(from, size)
        if field.kind == "uint" then
            local line = big and context:add(field.field, range) or context:add_le(field.field, range)
            for _, one in ipairs(field.parts or {}) do
                if big then line:add(one.field, range) else line:add_le(one.field, range) end
            end
        elseif field.kind == "rest" or field.kind == "octets" then
            if size > 0 then context:add(field.field, range) end
        else
            add(context, field.field, range, (body:sub(from + 1, from + size):gsub("%z+$", "")))
        end
    end
    function visitor.element(field, index, from, context)
        lines = lines + 1
        if settings.lines > 0 and lines > settings.lines then return nil end
        if not field.field then return context end
        return add(context, field.field, source(from, 1), format("%s %d", field.name, index))
    end
    walk(layout, body, at, big, visitor, tree)
end

-- The body of an item: from the frame, or, where it is not all in it, in a tab of its own.
local function show_body(tree, item, place)
    local body = item.body
    if not body or body == "" then return end
    local start = item.spec and item.type and item.offset + item.header or item.offset
    local tvb, shift = place.tvb, start - place.from
    if shift < 0 or shift + #body > tvb:len() then
        tvb, shift = ByteArray.new(body, true):tvb(item.name), 0
    end
    local function source(from, size)
        return size > 0 and tvb(shift + from, size) or nil
    end
    if item.message or not item.spec then
        local size = item.message and #item.message.octets or #body
        if item.type then return end
        tree:add(F.text, source(0, min(size, #body)), (body:sub(1, size):gsub("%z$", "")))
        if #body > size then tree:add(F.status, source(size, 1)) end
        return
    end
    show_layout(tree, item.spec.layout, body:sub(1, item.spec.size), 0, item.big, source)
    if item.spec.optional then
        show_layout(tree, item.spec.optional, body, item.spec.size, item.big, source)
    end
end

-- Runs

local function run_text(one, typed)
    local words = hexadecimal(one.first)
    if one.count > 1 then words = words .. "-" .. hexadecimal(one.first + one.count - 1) end
    return typed and words .. " " .. PAGE_TYPES[one.kind] or words
end

-- The entries of a pages record that end in the frame, in runs; one that is split is shown where it ends.
local function show_runs(tree, item, place)
    local start = item.offset + item.header
    local from = max(start, place.from)
    local range = item.entries_end and range_of(place, from, item.entries_end)
    if not range then return end
    local seen, shift = range:raw(), from - place.from
    local split = (from - start) % ENTRY_SIZE
    if split > 0 then
        local head = item.flow.split and item.flow.split[from]
        if head and #head == split then
            seen, shift = head .. seen, shift - split
        else
            seen, shift = seen:sub(ENTRY_SIZE - split + 1), shift + ENTRY_SIZE - split
        end
    end
    local runs = {}
    for index = 0, floor(#seen / ENTRY_SIZE) - 1 do
        local pfn, kind = entry_at(seen, index * ENTRY_SIZE, item.big)
        local latest = runs[#runs]
        if latest and kind == latest.kind and pfn == latest.first + latest.count then
            latest.count = latest.count + 1
        elseif settings.lines > 0 and #runs == settings.lines then
            tree:add(F.contents, "more runs: see the preference for how many lines are shown"):set_generated()
            break
        else
            runs[#runs + 1] = { first = pfn, kind = kind, count = 1, at = shift + index * ENTRY_SIZE }
        end
    end
    local typed = item.name ~= "POSTCOPY_FAULT"
    for _, one in ipairs(runs) do
        local at = max(one.at, 0)
        local where = place.tvb(at, min(ENTRY_SIZE * one.count + one.at - at, place.tvb:len() - at))
        local line = tree:add(F.run, where, run_text(one, typed))
        line:add(F.run_pfn, where, wide(one.first))
        line:add(F.run_count, where, one.count)
        if typed then line:add(F.run_type, where, one.kind) end
    end
end

-- Faults

local function relative(seconds)
    local whole = floor(seconds)
    local nanoseconds = floor((seconds - whole) * 1e9 + 0.5)
    if whole < 0 and nanoseconds > 0 then whole, nanoseconds = whole + 1, nanoseconds - 1000000000 end
    return NSTime.new(whole, nanoseconds)
end

function latency_of(item, answered)
    return answered.item.last_time - item.last_time
end

local function show_faults(tree, item, is_known)
    local slowest
    made(tree, F.fault_count, #item.pfns)
    for _, pfn in ipairs(item.pfns) do
        local answered = item.answers and item.answers[pfn]
        local words = "pfn " .. hexadecimal(pfn)
        if not answered then
            words = words .. (is_known and ", unanswered" or ", not answered up to this frame")
        elseif answered.in_flight then
            words = format("%s, in flight: page sent in frame %d", words, answered.item.last_frame)
        else
            local latency = latency_of(item, answered)
            words = format("%s, answered in frame %d after %s", words, answered.item.last_frame, duration(latency))
            slowest = max(slowest or latency, latency)
        end
        local line = tree:add(F.fault, words)
        line:set_generated()
        made(line, F.fault_pfn, wide(pfn))
        if answered then
            made(line, F.fault_answered_in, answered.item.last_frame)
            made(line, F.fault_latency, relative(latency_of(item, answered)))
            made(line, F.fault_in_flight, answered.in_flight)
        elseif is_known then
            line:add_proto_expert_info(UNANSWERED)
        end
    end
    if slowest then made(tree, F.fault_slowest, relative(slowest)) end
end

local function show_answers(tree, item)
    for _, one in ipairs(item.links or {}) do
        local line = tree:add(F.page_answers, one.item.last_frame)
        line:set_generated()
        made(line, F.page_answers_pfn, wide(one.pfn))
    end
    made(tree, F.page_pushed, item.listed - (item.links and #item.links or 0))
end

local function show_findings(tree, item)
    for _, finding in ipairs(item.findings or {}) do
        local line = tree:add(F.rule, finding.rule)
        line:set_generated()
        line:set_text(finding.rule .. ": " .. finding.message)
        line:add_proto_expert_info(EXPERTS[finding.rule], finding.rule .. ": " .. finding.message)
    end
end

-- Words

local function slowest_of(item)
    local slowest
    for _, one in ipairs(item.links or {}) do
        local latency = latency_of(item, one)
        if not one.in_flight then slowest = max(slowest or latency, latency) end
    end
    return slowest
end

-- An item in a few words, as far as it is known.
local function summary(item)
    local words = item.name
    if item.count then
        words = words .. " " .. many(item.count, "pfn")
        if item.name == "POSTCOPY_FAULT" then
            local slowest = slowest_of(item)
            if slowest then
                words = format("%s (slowest %s)", words, duration(slowest))
            elseif item.links then
                words = words .. " (in flight)"
            end
        elseif item.low then
            words = format("%s %s-%s", words, hexadecimal(item.low), hexadecimal(item.high))
        end
        if item.name == "POSTCOPY_PAGE_DATA" and item.links then
            words = format("%s (answers %s)", words, many(#item.links, "fault"))
        end
    end
    return words
end

-- Items

-- What is known of an item only when it has ended.
local function show_end(tree, item, place, is_known)
    if item.pfns then show_faults(tree, item, is_known) end
    if item.name == "POSTCOPY_PAGE_DATA" and item.listed and item.last_frame then show_answers(tree, item) end
    show_body(tree, item, place)
    show_findings(tree, item)
end

-- An item in the frame that holds the end of its header. `is_known`: all frames were looked at.
local function show_item(top, item, place, is_known)
    local length = item.length
    if is_known and not item.last_frame then length = item.flow.next - item.offset end
    local tree = add(top, F.item, range_of(place, item.offset, item.offset + length), item.name)
    tree:set_text(format("%s %s", item.layer or "no layer:", summary(item)))
    made(tree, F.name, item.name)
    made(tree, F.migration, item.channel.number or 0)
    made(tree, F.direction, item.direction)
    if item.layer then made(tree, F.layer, item.layer) end
    if item.type then made(tree, F.type, item.type) end
    made(tree, F.offset, wide(item.offset))
    made(tree, F.length, wide(length))
    made(tree, F.body_length, wide(item.body_length))
    made(tree, F.first_frame, item.first_frame)
    if item.last_frame then
        made(tree, F.last_frame, item.last_frame)
        made(tree, F.complete, item.complete and (item.holes or 0) == 0)
    elseif is_known then
        made(tree, F.last_frame, item.flow.high_frame)
        made(tree, F.complete, item == item.flow.trailing and not item.flow.damaged)
    end
    if item.count then
        made(tree, F.count, item.count)
        show_runs(tree, item, place)
    end
    show_end(tree, item, place, is_known)
    return tree
end

local function contents_text(item, has_entries)
    local what = has_entries and "entries" or item.count and "page contents" or "more"
    return format("%s of %s in frame %d", what, item.name, item.first_frame)
end

-- More of an item whose header an earlier frame holds.
local function show_more(top, item, place)
    local has_entries = item.entries_end and place.from < item.entries_end
    local range = range_of(place, place.from, item.offset + item.length)
    local tree = add(top, F.contents, range, contents_text(item, has_entries))
    made(tree, F.contents_of, item.first_frame)
    if has_entries then show_runs(tree, item, place) end
    return tree
end

-- Whether anybody looks at what a frame of page contents says beside its one line.
function is_watched(root)
    return root.visible or root:referenced(F.contents) or root:referenced(F.contents_of)
end

-- A frame that holds page contents alone. Most frames of a capture do: one line is all that they may cost.
function show_contents(root, item, tvb, watched)
    local line = item.contents_line
    if not line then
        line = contents_text(item, false)
        item.contents_line = line
    end
    local tree = root:add(xenmig, tvb, line)
    if watched then
        tree:add(F.contents, tvb(), line):set_generated()
        made(tree, F.contents_of, item.first_frame)
    end
end

local INFO_ITEMS = 4 -- items of a frame that the Info column names

local function show_columns(pinfo, shown)
    pinfo.cols.protocol = "XENMIG"
    if not shown[1] then return end
    local words = {}
    for index = 1, min(#shown, INFO_ITEMS) do words[index] = summary(shown[index]) end
    if #shown > INFO_ITEMS then words[INFO_ITEMS + 1] = format("and %d more", #shown - INFO_ITEMS) end
    pinfo.cols.info = table.concat(words, ", ")
end

-- Everything in a frame. `place`: tvb, `from` and `to` (offsets in the stream); `found`, `ended`: the items that were
-- found and that ended in it, on the first pass.
function show_frame(root, pinfo, flow, place, found, ended)
    local items = flow.items
    local index = above(items, "offset", place.from) - 1
    local before = items[index]
    local is_known = found == nil
    if before and before.offset + before.header > place.from then index = index - 1 end
    local around = items[index]
    local goes_on = around and (around.offset + around.length > place.from or around == flow.trailing)
    local has_news = found and (found[1] or ended[1])
    local next_item = items[index + 1]
    local begins = next_item and next_item.offset + next_item.header <= place.to
    if not begins and not has_news then
        if not goes_on then return end
        if not (around.entries_end and place.from < around.entries_end) then
            pinfo.cols.protocol = "XENMIG"
            show_contents(root, around, place.tvb, is_watched(root))
            return
        end
    end
    local top = root:add(xenmig, place.tvb())
    local more, shown, is_shown = nil, {}, {}
    local function show(item)
        if is_shown[item] then return end
        is_shown[item] = true
        shown[#shown + 1] = item
        show_item(top, item, place, is_known)
    end
    if goes_on and not (found and found[1] == around) then more = show_more(top, around, place) end
    for at = index + 1, #items do
        if items[at].offset + items[at].header > place.to then break end
        -- Where the frame is another, the header was sent again.
        if items[at].header_frame == pinfo.number and (is_known or items[at].is_announced) then show(items[at]) end
    end
    for _, item in ipairs(found or {}) do show(item) end
    for _, item in ipairs(ended or {}) do
        if not is_shown[item] then
            local tree = item == around and more or top:add(F.contents, contents_text(item, false))
            show_end(tree, item, place, is_known)
        end
    end
    show_columns(pinfo, shown)
end

end

-- Segments: what TCP hands over, and what it keeps back ---------------------------------------------------------------

local TCP, TCP_HEADER, TCP_HEADER_MAX, IPV4_HEADER, IPV6_HEADER = 6, 20, 60, 20, 40
local LOWER_LAYERS = 128 -- octets of a frame in which TCP's header is looked for
local FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
local PORTS_OF_TCP = 2 -- pinfo.port_type
local SEQ_AT, ACK_AT, SIZE_AT, FLAGS_AT = 4, 8, 12, 13 -- in TCP's header (RFC 9293, 3.1)

-- TCP's header of the packet at hand: a Tvb and its place there.
local function header_at()
    local field = seq_raw()
    if not field then return nil end
    return field.source, field.offset - SEQ_AT
end

local function begins_tcp(tvb, at, pinfo)
    if at < 0 or at + TCP_HEADER > tvb:len() or tvb(at, 2):uint() ~= pinfo.src_port then return false end
    return tvb(at + 2, 2):uint() == pinfo.dst_port
end

local function tcp_size(tvb, at)
    return 4 * tvb(at + SIZE_AT, 1):bitfield(0, 4)
end

-- Where TCP's header is in a frame, and how many octets of payload follow it: found by its ports, and by its own
-- length, if it is known where the payload begins, or else by an IP header without options before it.
local function find_tcp(tvb, pinfo, payload, length)
    for size = TCP_HEADER, payload and TCP_HEADER_MAX or 0, 4 do
        local at = payload - size
        if begins_tcp(tvb, at, pinfo) and tcp_size(tvb, at) == size then return at, length end
    end
    if payload then return nil, length end
    for at = IPV4_HEADER, min(LOWER_LAYERS, tvb:len()) - TCP_HEADER do
        if begins_tcp(tvb, at, pinfo) then
            local four, six = at - IPV4_HEADER, at - IPV6_HEADER
            if tvb(four, 1):uint() == 0x45 and tvb(four + 9, 1):uint() == TCP then
                return at, tvb(four + 2, 2):uint() - IPV4_HEADER - tcp_size(tvb, at)
            elseif six >= 0 and tvb(six, 1):bitfield(0, 4) == 6 and tvb(six + 6, 1):uint() == TCP then
                return at, tvb(six + 4, 2):uint() - tcp_size(tvb, at)
            end
        end
    end
    return nil
end

-- One segment that holds more than page contents, or that is looked at again. `segment`: tvb with the payload that was
-- captured, `length` of all of it, `seq` and `ack`.
local function dissect_segment(flow, segment, pinfo, root)
    local frame = pinfo.number
    local offset, found, ended
    if frame > flow.last_frame then
        offset = place_new(flow, pinfo, segment.seq)
        capture.found, capture.ended = {}, {}
        note_ack(flow, segment.ack, frame)
        arrive(flow, {
            offset = offset,
            length = segment.length,
            source = segment.tvb,
            captured = segment.tvb:len(),
            frame = frame,
            time = pinfo.rel_ts,
        })
        flow.next_seq = flow.base and not flow.waits and (flow.base + flow.next) % TWO_32
        found, ended = capture.found, capture.ended
    else
        if pinfo.visited then flush() end
        offset = place_of(flow, frame, segment.seq)
    end
    if offset then
        local place = { tvb = segment.tvb, from = offset, to = offset + segment.length }
        show_frame(root, pinfo, flow, place, found, ended)
    end
end

-- An acknowledgement without payload: it may tell that octets were not captured, and what was held behind them goes on.
local function dissect_ack(flow, ack, flags, tvb, pinfo, root)
    if not flow.peer.waits or pinfo.number <= flow.last_frame then return end
    flow.peer.is_closing = flow.peer.is_closing or bit.band(flags, FIN + RST) ~= 0
    capture.found, capture.ended = {}, {}
    note_ack(flow, ack, pinfo.number)
    local nowhere = { tvb = tvb, from = FOREVER, to = FOREVER }
    show_frame(root, pinfo, flow, nowhere, capture.found, capture.ended)
end

function xenmig.dissector(tvb, pinfo, root)
    local frame, length, seq = pinfo.number, tvb:reported_len(), seq_raw()
    capture.handled = frame
    if not seq and not pinfo.visited then
        -- There is no tree on this pass, but the frame itself, which is there when all dissectors are done.
        capture.deferred = { payload = tvb:offset(), length = length }
        return length
    end
    seq = seq and seq()
    local flow = flow_of(connection_of(pinfo, value_of(tcp_stream), true), pinfo)
    -- The road that nearly all packets take: the next page contents. Only how many they are matters. It is taken on the
    -- first pass alone, so whether anybody looks is asked once a record.
    local skip, item = flow.skip, flow.item
    if length < skip and seq == flow.next_seq and frame > flow.last_frame and item and tvb:len() == length then
        flow.next, flow.offset, flow.skip = flow.next + length, flow.offset + length, skip - length
        flow.next_seq = (seq + length) % TWO_32
        flow.last_frame, flow.high_frame, flow.high_time = frame, frame, pinfo.rel_ts
        if item.watched == nil then item.watched = is_watched(root) end
        show_contents(root, item, tvb, item.watched)
    else
        local source, at = header_at()
        local ack = source and source(at + ACK_AT, 4):uint()
        dissect_segment(flow, { tvb = tvb, length = length, seq = seq, ack = ack }, pinfo, root)
    end
    return length
end

-- A segment out of the octets of its frame, on a pass without a tree. `payload`: where TCP found it, if it did.
local function dissect_frame(tvb, pinfo, root, payload, told)
    local at, length = find_tcp(tvb, pinfo, payload, told)
    if not at and not payload then return end
    local seq, ack, flags
    if at then
        seq, ack, flags = tvb(at + SEQ_AT, 4):uint(), tvb(at + ACK_AT, 4):uint(), tvb(at + FLAGS_AT, 1):uint()
        payload = payload or at + tcp_size(tvb, at)
        if bit.band(flags, SYN + ACK) == SYN then forget_ends(pinfo) end
    end
    local connection = connection_of(pinfo, nil, told ~= nil)
    if not connection then return end
    local flow, captured = flow_of(connection, pinfo), min(length, tvb:len() - payload)
    if captured > 0 then
        local segment = { tvb = tvb(payload, captured):tvb(), length = length, seq = seq, ack = ack }
        dissect_segment(flow, segment, pinfo, root)
    else
        dissect_ack(flow, ack, flags, tvb, pinfo, root)
    end
end

-- TCP hands over no segment that it takes for a retransmission or for out of order, though it may hold octets that were
-- not seen before: those are found behind TCP's header. Acknowledgements without payload tell what was not captured.
local kept_back = Proto("xenmig_rest", "Xen Live Migration, segments that TCP keeps back")

function kept_back.dissector(tvb, pinfo, root)
    local frame, deferred = pinfo.number, capture.deferred
    if frame == capture.handled then
        if deferred then
            capture.deferred = nil
            dissect_frame(tvb, pinfo, root, deferred.payload, deferred.length)
        end
        return
    end
    if not next(capture.by_ends) then return end
    local length = value_of(tcp_len)
    if not length then
        if not pinfo.visited and pinfo.port_type == PORTS_OF_TCP then dissect_frame(tvb, pinfo, root) end
        return
    end
    if length == 0 and capture.waiting == 0 then return end
    local connection = capture.by_stream[value_of(tcp_stream)]
    if not connection then return end
    local flow = flow_of(connection, pinfo)
    local source, at = header_at()
    local ack = source(at + ACK_AT, 4):uint()
    if length > 0 then
        local payload = at + tcp_size(source, at)
        local captured = min(length, source:len() - payload)
        if captured <= 0 then return end
        local segment = { tvb = source(payload, captured):tvb(), length = length, seq = value_of(seq_raw), ack = ack }
        dissect_segment(flow, segment, pinfo, root)
    else
        dissect_ack(flow, ack, source(at + FLAGS_AT, 1):uint(), tvb, pinfo, root)
    end
end

-- Reports: tshark -z, and windows of the graphical interface ----------------------------------------------------------

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

-- Registration: preferences, ports, and the dissector itself ----------------------------------------------------------

xenmig.fields = all_fields
xenmig.experts = all_experts

xenmig.prefs.ports = Pref.range("TCP ports", "", "Ports that carry migrations, however they begin", 65535)
xenmig.prefs.lines = Pref.uint("Lines of a list", settings.lines,
    "How many elements or runs of a list a frame shows at most; 0: all of them")

local tcp_ports = DissectorTable.get("tcp.port")
local ports_taken

function xenmig.prefs_changed()
    settings.lines = xenmig.prefs.lines
    if ports_taken and ports_taken ~= "" then tcp_ports:remove(ports_taken, xenmig) end
    ports_taken = xenmig.prefs.ports
    if ports_taken ~= "" then tcp_ports:add(ports_taken, xenmig) end
end

tcp_ports:add_for_decode_as(xenmig)

-- Forgets the capture that was open before.
function xenmig.init()
    capture = new_capture()
end

register_postdissector(kept_back)

-- Remembers where a connection's octets begin that may turn out to carry a migration: offsets count from there.
local function note_first(stream, pinfo)
    local known = capture.first_seq[stream]
    if not known then
        if capture.first_seq_count == FIRST_SEQ_MAX then capture.first_seq, capture.first_seq_count = {}, 0 end
        known = {}
        capture.first_seq[stream], capture.first_seq_count = known, capture.first_seq_count + 1
    end
    local sender = sender_of(pinfo)
    known[sender] = known[sender] or value_of(seq_raw)
end

-- Whether a segment holds the beginning of a stream: then both directions of the connection come here from now on.
local function is_migration(tvb, pinfo, root)
    if tvb:len() == 0 then return false end
    local stream = value_of(tcp_stream)
    if stream then note_first(stream, pinfo) end
    if not find_magic(tvb:raw(), nil, true) then return false end
    pinfo.conversation = xenmig
    xenmig.dissector(tvb, pinfo, root)
    return true
end

xenmig:register_heuristic("tcp", is_migration)
