"""Translated functions, classes and constants, each once, with all that they need."""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import operator
import re
import struct
from collections import deque
from collections.abc import Callable, Collection, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from dissector.integrations.wireshark.literals import literal, wrapped
from dissector.integrations.wireshark.patterns import lua_pattern
from dissector.integrations.wireshark.translation.body import Body
from dissector.integrations.wireshark.translation.kinds import Untranslatable, attribute_kinds, braced, fields_of, name

SIGNS = {"eq": "==", "ne": "~=", "lt": "<", "gt": ">"}
"""Python's operators as functions."""


EXACT = 1 << 53
"""Integers from here on are no numbers of Lua 5.2."""


class Program:
    """Translated functions, classes and constants, each once."""

    def __init__(
        self,
        native: Mapping[str, str],
        registries: Mapping[type, Callable[[Any], str]],
        left_out: frozenset[str] = frozenset(),
        named: Collection[str] = (),
        package: str = "dissector",
    ) -> None:
        """`native`: Lua's name of what is not translated, by "module.name" without the package's. `registries`: how an
        object of a class is called in Lua. `left_out`: methods, as "Class.name", that nothing in Lua calls. `named`:
        what the registries' functions were asked for. `package`: whose modules are translated."""
        self.package = package
        self.native, self.registries, self.left_out, self.named = native, registries, left_out, named
        self.modules: dict[str, None] = {}
        self.classes: dict[type, list[str]] = {}
        self.constants: dict[str, list[str]] = {}
        self.late: dict[str, list[str]] = {}
        """Constants that hold functions."""
        self.functions: dict[str, list[str]] = {}
        self.methods: dict[str, list[FunctionType]] = {}
        """Methods of every class known, by name."""
        self.called_as_functions: set[str] = set()
        """Attributes whose values are called, by name: no method may have such a name."""
        self._trees: dict[str, ast.Module] = {}
        self._made: dict[str, list[FunctionType]] = {}
        self._attributes: dict[type, dict[str, str]] = {}

    # What the generator asks

    def know(self, *classes: type) -> None:
        """Classes whose methods are called as such."""
        for one in classes:
            for key, value in vars(one).items():
                is_own = isinstance(value, FunctionType) and value.__module__ == one.__module__
                if is_own and key in self.called_as_functions:
                    raise Untranslatable(f"{one.__name__}.{key}: called before it was known to be a method")
                if is_own and value not in self.methods.get(key, []):
                    self.methods.setdefault(key, []).append(value)

    def function(self, function: Any) -> str:
        """Translates a function or class, if it was not yet; its name in Lua."""
        return self._class(function) if isinstance(function, type) else self._function(function)

    def constant(self, module: ModuleType, word: str) -> str:
        """Takes in a constant, if it was not yet; its name in Lua."""
        return self._constant(module, word)

    def word(self, word: str) -> str:
        """A name as Lua may have it."""
        return name(word)

    def class_lines(self) -> list[str]:
        """The tables of the modules, and the classes in them."""
        modules = sorted(self.modules)
        lines = [f"local {one} = {{}}" for one in modules]
        return [*lines, "", *(line for block in self.classes.values() for line in block)]

    def constant_lines(self) -> list[str]:
        return [line for block in self.constants.values() for line in block]

    def function_lines(self) -> list[str]:
        """The functions and methods, then the constants that hold some of them."""
        lines = [line for block in self.functions.values() for line in (*block, "")]
        return [*lines, *(line for block in self.late.values() for line in block), "py.seal()"]

    # Names

    def is_own(self, module: str) -> bool:
        """Whether a module is one of the package."""
        return module.partition(".")[0] == self.package

    def _path(self, module: str) -> str:
        path = module.removeprefix(f"{self.package}.").removeprefix("integrations.wireshark.").replace(".", "_")
        if hasattr(importlib.import_module(module), "__path__"):
            path += "_package"  # its own name is that of many a variable
        self.modules[path] = None
        return path

    def _tree(self, module: ModuleType) -> ast.Module:
        if module.__name__ not in self._trees:
            self._trees[module.__name__] = ast.parse(inspect.getsource(module))
        return self._trees[module.__name__]

    def _home(self, module: ModuleType, word: str) -> tuple[ModuleType, str]:
        """The module that declares a name, and its name there."""
        for node in ast.walk(self._tree(module)):
            if isinstance(node, ast.ImportFrom) and (node.level or self.is_own(node.module or "")):
                for alias in node.names:
                    if (alias.asname or alias.name) == word:
                        prefix = "." * node.level
                        source = importlib.import_module(
                            prefix + (node.module or ""), module.__package__ if node.level else None
                        )
                        return self._home(source, alias.name) if hasattr(source, alias.name) else (module, word)
        return module, word

    def _global(self, module: ModuleType, word: str) -> str:
        """Lua for a name of a module."""
        value = getattr(module, word)
        if isinstance(value, type) and self.is_own(value.__module__):
            return self._class(value)
        if isinstance(inspect.unwrap(value), FunctionType) and self.is_own(inspect.unwrap(value).__module__):
            return self._function(value)
        return self._constant(*self._home(module, word))

    def _native(self, module: str, word: str) -> str | None:
        return self.native.get(f"{module.removeprefix('dissector.')}.{word}")

    # Constants

    def _constant(self, module: ModuleType, word: str) -> str:
        native = self._native(module.__name__, word)
        if native is not None:
            return native
        value = getattr(module, word)
        if type(value) in self.registries:
            return self.registries[type(value)](value)
        key = f"{self._path(module.__name__)}.{name(word)}"
        if key not in self.constants and key not in self.late:
            self.constants[key] = []
            text = self.value(value)
            target = self.late if _holds_code(value) else self.constants
            if target is self.late:
                del self.constants[key]
            else:
                del self.constants[key]  # what it needs stands before it
            target[key] = wrapped(f"{key} = {text}")
        return key

    def value(self, value: Any) -> str:
        """A constant in Lua."""
        own = self.registries.get(type(value))
        if own is not None:
            return own(value)
        match value:
            case enum.Enum():
                return literal(value.value if isinstance(value.value, str) else value.name)
            case bool() | None:
                return literal(value)
            case int():
                return literal(value) if abs(value) < EXACT else f'"{value:016x}"'
            case float():
                return repr(value)
            case str() | bytes():
                return literal(value)
            case struct.Struct():
                return _struct(value)
            case BuiltinFunctionType() if isinstance(value.__self__, struct.Struct):
                return f"{_struct(value.__self__)}.unpack_from"
            case re.Pattern():
                return literal(lua_pattern(value.pattern))
            case FunctionType():
                return self._function(value)
            case operator.attrgetter():
                return f"function(object) return object.{attribute_of(value)} end"
            case BuiltinFunctionType() if value.__module__ == "_operator":
                return f"function(one, other) return one {SIGNS[value.__name__]} other end"
            case deque():
                return "py.deque()"
            case tuple() if hasattr(value, "_fields"):
                return f"{self._class(type(value))}({', '.join(map(self.value, value))})"
            case tuple() | list():
                return braced(map(self.value, value))
            case set() | frozenset() if any(isinstance(one, tuple) for one in value):
                return self._table(dict.fromkeys(sorted(value, key=str), True))
            case set() | frozenset():
                return braced(f"[{one}] = true" for one in sorted(map(self.value, value)))
            case Mapping():
                return self._table(value)
            case object(__dict__=state) if not state and self.is_own(type(value).__module__):
                return f"{self._class(type(value))}()"
        raise Untranslatable(f"no constant of Lua: {value!r}")

    def _table(self, mapping: Mapping[Any, Any]) -> str:
        nested: dict[Any, Any] = {}
        for key, value in mapping.items():
            if isinstance(key, tuple):
                nested.setdefault(key[0], {})[key[1]] = value
            else:
                nested[key] = value
        return braced(f"[{self._key(key)}] = {self.value(value)}" for key, value in nested.items())

    def _key(self, key: Any) -> str:
        if key is None:
            return "py.NONE"
        return literal(key.__name__) if isinstance(key, type) else self.value(key)

    # Classes

    def _class(self, one: type) -> str:
        native = self._native(one.__module__, one.__name__)
        if native is not None:
            return native
        path = f"{self._path(one.__module__)}.{one.__name__}"
        if one in self.classes:
            return path
        self.know(one)
        self.classes[one] = []
        fields, defaults = fields_of(one)
        words = [literal(one.__name__)]
        base = next((self._class(two) for two in one.__mro__[1:] if self.is_own(two.__module__)), None)
        if fields:
            words.append(braced(literal(name(field)) for field in fields))
            shown = (f"{name(key)} = {self._default(value)}" for key, value in defaults.items() if value is not None)
            words.append(braced(shown))
            words.append("true" if hasattr(one, "_fields") else "false")
            words.append("nil")
            words.append(self._constructor([name(field) for field in fields], defaults))
        elif base is not None:
            words += ["nil", "nil", "false", base]
        block = self.classes.pop(one)
        self.classes[one] = block
        block += wrapped(f"{path} = py.class({', '.join(words)})")
        for key, value in vars(one).items():
            if f"{one.__name__}.{key}" in self.left_out:
                continue
            if isinstance(value, property) and value.fget is not None:
                self._method(f"{path}._getters.{name(key)}", value.fget, one)
            elif isinstance(value, FunctionType) and value.__module__ == one.__module__ and key[:2] != "__":
                self._method(f"{path}.{name(key)}", value, one)
            elif key == "__init__" and not fields:
                self._method(f"{path}._init", value, one)
            elif not fields and key[:1] != "_" and isinstance(value, (int, str, bytes)):
                block.append(f"{path}.{key} = {literal(value)}")
        return path

    def _constructor(self, fields: list[str], defaults: dict[str, Any]) -> str:
        """What makes a table of the values of all fields, in their order."""
        given = (
            f"if {name(key)} == nil then {name(key)} = {self._initial(value)} end" for key, value in defaults.items()
        )
        missing = " ".join(one for one, value in zip(given, defaults.values(), strict=True) if value is not None)
        pairs = braced(f"{field} = {field}" for field in fields)
        return f"function({', '.join(fields)}) {missing}{' ' if missing else ''}return {pairs} end"

    def _initial(self, value: Any) -> str:
        return "{}" if value is list else self.value(value)

    def _default(self, value: Any) -> str:
        return "function() return {} end" if value is list else self.value(value)

    def _method(self, path: str, function: Any, owner: type) -> None:
        if path not in self.functions:
            self.functions[path] = []
            self.functions[path] = Body(self, function, owner).lines(path)

    def _function(self, function: Any) -> str:
        is_cached = hasattr(function, "cache_info")
        function = inspect.unwrap(function)
        module, qualified = function.__module__, function.__qualname__
        native = self._native(module, qualified)
        if native is not None:
            return native
        if "<lambda>" in qualified:
            return Body(self, function, None).lambda_of()
        if "<locals>" in qualified:
            return self._inner(function)
        owner, _, word = qualified.rpartition(".")
        if owner:
            return f"{self._class(getattr(inspect.getmodule(function), owner))}.{name(word)}"
        path = f"{self._path(module)}.{name(word)}"
        if path not in self.functions:
            self.functions[path] = []
            self.functions[path] = Body(self, function, None).lines(path)
            if is_cached:
                self.late[path] = [f"{path} = py.cached({path})"]
        return path

    def _inner(self, function: FunctionType) -> str:
        """A function that another one has made, with what that has given it."""
        outer, _, word = function.__qualname__.partition(".<locals>.")
        stem = f"{self._path(function.__module__)}.{name(outer)}_{word}"
        known = self._made.setdefault(stem, [])
        if function not in known:
            known.append(function)
        path = f"{stem}_{known.index(function) + 1}"
        if path not in self.functions:
            self.functions[path] = []
            self.functions[path] = Body(self, function, None).lines(path)
        return path

    # What is known of attributes

    def attribute_kind(self, owner: str | None, attribute: str) -> str | None:
        """The kind of an attribute of a class, by what its declaration says."""
        for one in self.classes:
            if one.__name__ == owner:
                for base in one.__mro__:
                    if self.is_own(base.__module__):
                        if base not in self._attributes:
                            self._attributes[base] = dict(attribute_kinds(base))
                        if attribute in self._attributes[base]:
                            return self._attributes[base][attribute]
        return None

    def is_method(self, owner: str | None, attribute: str) -> bool:
        """Whether a class has such a method."""
        found = (getattr(one, attribute, None) for one in self.classes if one.__name__ == owner)
        return any(isinstance(one, FunctionType) and self.is_own(one.__module__) for one in found)

    def parameters(self, function: Any) -> list[inspect.Parameter]:
        """Those that whoever calls it gives."""
        return [one for one in inspect.signature(function).parameters.values() if one.name != "self"]


def attribute_of(getter: Any) -> str:
    """The path that an `operator.attrgetter` follows."""
    return str(getter.__reduce__()[1][0])


def _struct(value: struct.Struct) -> str:
    sizes = ", ".join(str(struct.calcsize(f"={code}")) for code in value.format[1:])
    return f'py.struct("{"big" if value.format[0] == ">" else "little"}", {{ {sizes} }})'


def _holds_code(value: Any) -> bool:
    inside = value.values() if isinstance(value, Mapping) else value if isinstance(value, (tuple, list)) else ()
    return any(isinstance(one, FunctionType) or _holds_code(one) for one in inside)
