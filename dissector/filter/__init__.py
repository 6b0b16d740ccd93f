"""Display filters: expressions over the fields of a row, with Wireshark's grammar and Wireshark's names of fields.

`fields` says which fields a record, a faulted pfn and a finding have, `parser` reads an expression, `patterns` holds
the regular expressions of `matches`, `columns` prints fields as `tshark -T fields` does.
"""

from .fields import Field, Scope
from .lexer import FilterError
from .parser import Filter, parse

__all__ = ["Field", "Filter", "FilterError", "Scope", "parse"]
