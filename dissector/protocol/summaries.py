"""The line of text of a header or record, from its `summary` template and its decoded fields.

A template is text with fields in braces: `{name}`, or `{name:form:word}` with one of FORMS. A dotted name goes into a
structure; `{list.field=VALUE:many:word}` counts the elements that have this value. Python and Lua read the same
templates, so that a line is worded once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

FIELD = re.compile(r"\{([^:}]+)(?::([^:}]+))?(?::([^}]*))?\}")


def summarise(template: str, values: Mapping[str, Any]) -> str:
    """The text; empty where a field was not captured. `values`: as `views.fields.decoded` gives them."""
    try:
        return FIELD.sub(lambda match: _field(values, *match.groups()), template)
    except (KeyError, TypeError):
        return ""


def _field(values: Mapping[str, Any], path: str, form: str | None, words: str | None) -> str:
    value = _find(values, path)
    return str(value) if form is None else FORMS[form](value, words or "", values)


def _find(values: Any, path: str) -> Any:
    name, _, rest = path.partition(".")
    if not rest:
        return values[name]
    field, is_count, wanted = rest.partition("=")
    if is_count:
        return sum(element.get(field) == wanted for element in values[name])
    return _find(values[name], rest)


def _many(value: Any, words: str, values: Mapping[str, Any]) -> str:
    """How many: the number itself, or the length of a list; the plural has an s unless it is given."""
    one, _, several = words.partition(":")
    number = value if isinstance(value, int) else len(value)
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def _size(value: Any, words: str, values: Mapping[str, Any]) -> str:
    """Of octets as JSON carries them: hexadecimals if they are few, else {"octets": length}."""
    return f"{len(value) // 2 if isinstance(value, str) else value['octets']} octets"


def _xen(value: Any, words: str, values: Mapping[str, Any]) -> str:
    return f"Xen {value}.{values[words]}" if value else "the converter of old streams"


def _unless(value: Any, words: str, values: Mapping[str, Any]) -> str:
    usual, _, said = words.partition(":")
    return "" if str(value) == usual else f"{said} {value}"


FORMS: Mapping[str, Callable[[Any, str, Mapping[str, Any]], str]] = {
    "hex": lambda value, words, values: f"{value:#x}",
    "bits": lambda value, words, values: str(8 * value),
    "order": lambda value, words, values: "big-endian" if value else "little-endian",
    "if": lambda value, words, values: words if value else "",
    "unless": _unless,
    "many": _many,
    "size": _size,
    "xen": _xen,
}
"""hex; bits: octets as bits; order: of octets, from the flag; if: the words if it is not 0; unless: "usual:words" and
the value if it is another; many: how many, with a unit; size: of octets; xen: the version, with the name of the field
that holds the minor one."""
