"""What the wire carries: every header, record and body of a Xen migration stream, declared once.

Read `libxc.py` first; `primitives.py` has the nodes, `walk.py` and `codec.py` what is done with them.
"""

from .codec import build, json_safe, layout, measure, parse, parse_partial
from .libxc import (
    BODY_LENGTH_MAX,
    DOMAIN_HEADER,
    ENTRY_PFN,
    ENTRY_RESERVED,
    ENTRY_TYPE,
    GUEST_TYPES,
    HVM_SAVE_TYPES,
    IMAGE_HEADER,
    IMAGE_ID,
    IMAGE_MAGIC,
    IMAGE_MARKER,
    IMAGE_VERSIONS,
    PAGE_SHIFT,
    PAGE_TYPES,
    RESERVED_PAGE_TYPES,
    UNBACKED,
    pages_header,
)
from .libxc_records import libxc_records
from .libxl import LIBXL_HEADER, LIBXL_IDENT, LIBXL_RECORDS, LIBXL_VERSION
from .primitives import INTS, BitField, Body, Endianness, GrammarError, Ints, Layout
from .specs import OPTIONAL, Direction, HeaderSpec, Layer, Message, RecordSpec, Shape, record_header
from .tables import ALIGNMENT, HEADERS, RECORD_HEADERS, RECORDS, records
from .walk import Field, fields, fixed
from .xenops import XENOPS_HEADER, XENOPS_MAGIC, XENOPS_RECORDS, xenops_record_header
from .xl import MESSAGES, XL_BYTEORDER, XL_HEADER, XL_MAGIC, xl_endianness, xl_optional_data

__all__ = [
    "ALIGNMENT",
    "BODY_LENGTH_MAX",
    "DOMAIN_HEADER",
    "ENTRY_PFN",
    "ENTRY_RESERVED",
    "ENTRY_TYPE",
    "GUEST_TYPES",
    "HEADERS",
    "HVM_SAVE_TYPES",
    "IMAGE_HEADER",
    "IMAGE_ID",
    "IMAGE_MAGIC",
    "IMAGE_MARKER",
    "IMAGE_VERSIONS",
    "INTS",
    "LIBXL_HEADER",
    "LIBXL_IDENT",
    "LIBXL_RECORDS",
    "LIBXL_VERSION",
    "MESSAGES",
    "OPTIONAL",
    "PAGE_SHIFT",
    "PAGE_TYPES",
    "RECORDS",
    "RECORD_HEADERS",
    "RESERVED_PAGE_TYPES",
    "UNBACKED",
    "XENOPS_HEADER",
    "XENOPS_MAGIC",
    "XENOPS_RECORDS",
    "XL_BYTEORDER",
    "XL_HEADER",
    "XL_MAGIC",
    "BitField",
    "Body",
    "Direction",
    "Endianness",
    "Field",
    "GrammarError",
    "HeaderSpec",
    "Ints",
    "Layer",
    "Layout",
    "Message",
    "RecordSpec",
    "Shape",
    "build",
    "fields",
    "fixed",
    "json_safe",
    "layout",
    "libxc_records",
    "measure",
    "pages_header",
    "parse",
    "parse_partial",
    "record_header",
    "records",
    "xenops_record_header",
    "xl_endianness",
    "xl_optional_data",
]
