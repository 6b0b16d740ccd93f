"""What is known of the types of Python's values, as far as their translation into Lua depends on it."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any


class Untranslatable(Exception):
    """Something in a function that is to be translated is no part of the subset."""


KEYWORDS = frozenset(
    {"and", "do", "else", "elseif", "end", "function", "goto", "local", "nil", "not", "or"}
) | frozenset({"repeat", "then", "until", "while"})


def name(word: str) -> str:
    """A name as Lua may have it."""
    return word + "_" if word in KEYWORDS else word


def kind_of_annotation(node: ast.expr | None) -> str | None:
    """What an annotation says of a type, as far as the translation depends on it."""
    if node is None:
        return None
    said = ast.unparse(node).strip("'\"")
    if said == "int | None":
        return None  # 0 is another value than None, and counts as little
    said = said.removesuffix(" | None")
    head = said.partition("[")[0]
    kinds = {
        "list": "list",
        "tuple": "list",
        "Sequence": "list",
        "deque": "deque",
        "set": "set",
        "frozenset": "set",
        "dict": "dict",
        "Mapping": "dict",
    }
    texts = {"bytes", "bytearray", "str", "Layer", "memoryview", "bytes | bytearray", "bytes | memoryview"}
    return "text" if said in texts else kinds.get(head, head if head.isidentifier() else None)


def fields_of(one: type) -> tuple[list[str], dict[str, Any]]:
    """The fields of a NamedTuple or dataclass, and their defaults."""
    if hasattr(one, "_fields"):
        return list(one._fields), dict(one._field_defaults)  # type: ignore[attr-defined]
    if not dataclasses.is_dataclass(one):
        return [], {}
    defaults = {
        field.name: list if field.default_factory is not dataclasses.MISSING else field.default
        for field in dataclasses.fields(one)
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    }
    return [field.name for field in dataclasses.fields(one)], defaults


def attribute_kinds(one: type) -> Iterator[tuple[str, str]]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(one)))
    (declared,) = tree.body
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign):
            is_field = isinstance(node.target, ast.Name) and node in declared.body  # type: ignore[attr-defined]
            kind = kind_of_annotation(node.annotation)
            if kind and (is_field or isinstance(node.target, ast.Attribute)):
                yield node.target.id if isinstance(node.target, ast.Name) else node.target.attr, kind  # type: ignore[union-attr]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            kind = kind_of_value(node.value)
            if kind:
                yield node.targets[0].attr, kind
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            kind = kind_of_annotation(node.returns)
            if kind and any(isinstance(one, ast.Name) and one.id == "property" for one in node.decorator_list):
                yield node.name, kind


def kind_of_value(node: ast.expr) -> str | None:
    match node:
        case ast.List() | ast.ListComp() | ast.Tuple():
            return "list"
        case ast.Set() | ast.SetComp():
            return "set"
        case ast.Dict() | ast.DictComp():
            return "dict"
        case ast.JoinedStr():
            return "text"
        case ast.Constant(value=str() | bytes()):
            return "text"
        case ast.Constant(value=bool()):
            return "bool"
        case ast.Constant(value=int()):
            return "int"
        case ast.Call(func=ast.Name(id=word)):
            kinds = {
                "list": "list",
                "set": "set",
                "frozenset": "set",
                "dict": "dict",
                "bytearray": "octets",
                "bytes": "text",
            }
            return kinds.get(word, word if word[:1].isupper() else None)
    return None


def kind_of_constant(value: Any) -> str | None:
    match value:
        case Mapping():
            return "dict"
        case set() | frozenset():
            return "set"
        case str() | bytes():
            return "text"
        case tuple() | list():
            return "list"
    return None


def braced(parts: Any) -> str:
    inside = ", ".join(parts)
    return f"{{ {inside} }}" if inside else "{}"
