"""Rules of the headers that begin each layer's stream: all of them are comparisons of fields."""

from __future__ import annotations

from enum import StrEnum
from functools import partial

from dissector.protocol import (
    IMAGE_ID,
    IMAGE_MARKER,
    IMAGE_VERSIONS,
    LIBVIRT_VERSION,
    LIBXL_IDENT,
    LIBXL_VERSION,
    PAGE_SHIFT,
    XL_BYTEORDER,
)
from dissector.rules import examples as eg
from dissector.rules.rule import FRAMING, Rule, check, declared

_rule = partial(Rule, group="headers and framing", effects=FRAMING)

_LIBXL_IDENT = int.from_bytes(LIBXL_IDENT, "big")

RESTORED_TYPES = (1, 2)
"""Guest types that receivers accept: PV and HVM, which PVH is, too."""

XL_STREAM_V2 = 1 << 1
"""Mandatory flag of an xl header: a libxl stream of version 2 follows."""
XL_UNKNOWN_FLAGS = 0xFFFFFFFC
"""Mandatory flags that no xl knows."""

BAD_IMAGE_HEADER = _rule(
    id="bad-image-header",
    severity="error",
    effects=FRAMING | {"loses"},
    wireshark=True,
    summary="A libxc image header has a wrong marker or id, or a version nobody specified",
    source="libxc specification, Image Header; read_headers() in xg_sr_restore.c",
    why="The restore fails before it reads any record. Current Xen accepts versions 2 and 3, releases"
    " before 4.14 and the postcopy series only 2. The version also decides what the record types from"
    " 0x10 up mean.",
    advice="If the version is wrong, receive with Xen 4.14 or newer, which reads 2 and 3. If the marker or the id"
    " is, something between the hosts (a wrapper of ssh, a relay, a disk) has changed or cut the stream: look"
    " there.",
    receiver_says={
        "Invalid marker: Got 0x%016x": "marker is",
        "Invalid ID: Expected 0x%08x, Got 0x%08x": "id is",
        "Invalid Version: Expected 2 <= ver <= 3, Got %d": "version is",
    },
    example="version 4; legal: version 2 or 3",
    checks=(
        check(
            "header",
            "image header",
            "marker is 0x{marker:016x}, not all ones",
            ("marker", "!=", IMAGE_MARKER),
            ("id", "==", IMAGE_ID),
        ),
        check(
            "header",
            "image header",
            "id is 0x{id:08x}, not 'XENF'",
            ("marker", "==", IMAGE_MARKER),
            ("id", "!=", IMAGE_ID),
        ),
        check(
            "header",
            "image header",
            f"version is {{version}}, known are {' and '.join(map(str, IMAGE_VERSIONS))}",
            ("marker", "==", IMAGE_MARKER),
            ("id", "==", IMAGE_ID),
            ("version", "not in", frozenset(IMAGE_VERSIONS)),
        ),
    ),
    breaking=(eg.header("image header", version=4),),
    legal=(eg.IMAGE2,),
)

BAD_DOMAIN_HEADER = _rule(
    id="bad-domain-header",
    severity="error",
    wireshark=True,
    summary="A libxc domain header has an unknown guest type or a page_shift other than 12",
    source="libxc specification, Domain Header; x86_pv_setup() in xg_sr_restore_x86_pv.c,"
    " x86_hvm_setup() in xg_sr_restore_x86_hvm.c",
    why="The receiver compares the type with the domain it has built and the page size with its own 4096"
    " octets, and fails if either differs. A PVH guest has type 2, HVM; types 3 and 4 stood in the"
    " specification of Xen 4.6 to 4.13, and no receiver ever accepted them.",
    advice="Name the type that the stream is of in the configuration: `type` in the file that `xl migrate -C` or `xl"
    " restore` is given. No host has pages of another size than 4,096 octets: then the stream is damaged.",
    receiver_says={
        "Unable to restore %s domain into an x86 HVM domain": "guest type",
        "Unable to restore %s domain into an x86_pv domain": None,
        "Invalid page size %u for x86 HVM domains": "page_shift",
        "Invalid page size %d for x86_pv domains": None,
    },
    example="type 0, page_shift 12; legal: type 1 (PV) or 2 (HVM), page_shift 12",
    checks=(
        check(
            "header",
            "domain header",
            "no receiver accepts guest type {type}",
            ("type", "not in", frozenset(RESTORED_TYPES)),
        ),
        check(
            "header",
            "domain header",
            f"page_shift is {{page_shift}}, not {PAGE_SHIFT}",
            ("page_shift", "!=", PAGE_SHIFT),
        ),
    ),
    breaking=(eg.IMAGE3, eg.domain(0)),
    legal=(eg.IMAGE3, eg.domain(1)),
)

BAD_LIBXL_HEADER = _rule(
    id="bad-libxl-header",
    severity="error",
    effects=FRAMING | {"loses"},
    wireshark=True,
    summary="A libxl stream header has a wrong ident or version",
    source="libxl specification, Header; stream_header_done() in libxl_stream_read.c",
    why="libxl gives up before the first record and no domain memory is read. No version but 2 was ever specified.",
    advice="Something between the hosts (a wrapper of ssh, a relay, a disk) has changed or cut the stream: look"
    " there, and take it out of the way.",
    receiver_says={
        "Invalid ident: expected 0x%016x, got 0x%016x": "ident is",
        "Unexpected Version: expected %u, got %u": "version is",
    },
    example="ident 'LibxlFmt', version 1; legal: ident 'LibxlFmt', version 2",
    checks=(
        check(
            "header",
            "libxl header",
            "ident is 0x{ident:016x}, not 'LibxlFmt'",
            ("ident", "!=", _LIBXL_IDENT),
        ),
        check(
            "header",
            "libxl header",
            f"version is {{version}}, not {LIBXL_VERSION}",
            ("ident", "==", _LIBXL_IDENT),
            ("version", "!=", LIBXL_VERSION),
        ),
    ),
    breaking=(eg.text("banner"), eg.xl_header(json=1, stream_v2=1), eg.header("libxl header", "libxl", version=1)),
    legal=(eg.header("libxl header", "libxl", version=2),),
)


class XlHeader(StrEnum):
    MAGIC = "the file begins with {magic}, which is not xl's magic"


BAD_XL_HEADER = _rule(
    id="bad-xl-header",
    severity="error",
    wireshark=True,
    summary="An xl save header has a wrong byteorder or mandatory flags nobody specified",
    source="struct save_file_header in xl.h; create_domain() in xl_vmcontrol.c",
    why="xl compares byteorder in its own byte order, so it refuses a header from a host of the other"
    " one. It also refuses mandatory flags that it does not know and says that a newer xl is needed. It"
    " does not look at optional flags.",
    advice="If flags are unknown, receive with a newer xl. If the byteorder is wrong, both hosts have to be of the"
    " same byte order; if they are, the file or the stream is damaged.",
    receiver_says={
        "File has wrong magic number - corrupt or for a different tool?": "magic",
        "File has wrong byte order": "byteorder",
        "Savefile has mandatory flag(s) 0x%x which are not supported; need newer xl": "flags",
    },
    example="mandatory_flags 0x7; legal: 0x3 (JSON configuration, version 2 stream)",
    checks=(
        check(
            "header",
            "xl header",
            "byteorder is 0x{byteorder:08x}, not 0x01020304 in either order",
            ("byteorder", "!=", XL_BYTEORDER),
        ),
        check(
            "header",
            "xl header",
            "unknown mandatory flags 0x{bits:x}",
            ("byteorder", "==", XL_BYTEORDER),
            ("mandatory_flags", "any bit of", XL_UNKNOWN_FLAGS),
        ),
    ),
    messages=XlHeader,
    breaking=(eg.xl_header(json=1, stream_v2=1, reserved=1),),
    legal=(eg.xl_header(json=1, stream_v2=1),),
)


BAD_LIBVIRT_HEADER = _rule(
    id="bad-libvirt-header",
    severity="error",
    wireshark=True,
    summary="A saved guest's header has a version that no libvirt reads",
    source="libxlDomainSaveImageOpen() in libxl_domain.c of libvirt",
    why="A libvirt refuses an image whose version is above its own, which is 2, before it looks at what is in it."
    " What such a version would mean nobody has written down.",
    advice="Restore it with the libvirt that saved it, or a newer one. If that wrote 2, the file is damaged.",
    receiver_says={"image version is not supported (%d > %d)": ""},
    example="version 3; legal: version 2",
    checks=(
        check(
            "header",
            "libvirt header",
            "version is {version}, and libvirt reads none above 2",
            ("version", ">", LIBVIRT_VERSION),
        ),
    ),
    breaking=(eg.header("libvirt header", "libvirt", version=3, xml_length=0),),
    legal=(eg.header("libvirt header", "libvirt", version=2, xml_length=0),),
)


class BigEndian(StrEnum):
    XL = "byteorder is 0x01020304 with its highest octet first"


BIG_ENDIAN_STREAM = _rule(
    id="big-endian-stream",
    severity="error",
    effects=FRAMING | {"once"},
    wireshark=True,
    summary="A header says that the stream is big-endian",
    source="read_headers() in xg_sr_restore.c; stream_header_done() in libxl_stream_read.c;"
    " create_domain() in xl_vmcontrol.c",
    why="The specifications allow it, but no release has a sender that writes or a receiver that reads"
    " such a stream. Both libraries give up on the header, and xl on a save header that is not in its own byte order.",
    advice="No Xen writes such a stream: ask whoever made it, or see whether the file or what carried the stream is"
    " damaged.",
    receiver_says={
        "Unable to handle big endian streams": "^lib",
        "File has wrong byte order": "^xl",
    },
    example="image header, options 0x0001; legal: options 0x0000",
    checks=(
        check("header", "image header", "options bit 0 is set", ("options", "any bit of", 1)),
        check("header", "libxl header", "options bit 0 is set", ("options", "any bit of", 1)),
    ),
    messages=BigEndian,
    breaking=(eg.header("image header", version=3, options={"big_endian": 1}),),
    legal=(eg.IMAGE3,),
)

RULES = declared(globals())
