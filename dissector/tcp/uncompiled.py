"""What `core.py` uses of Cython's pure-Python mode, for when it runs uncompiled: names of C types that mean nothing
to Python, and decorators that change nothing. And who decides that it does."""

from __future__ import annotations

import builtins
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeAlias, TypeVar, overload

_Any = TypeVar("_Any")

compiled: bool = False

bint: TypeAlias = bool
uint: TypeAlias = builtins.int
int: TypeAlias = builtins.int
longlong: TypeAlias = builtins.int
void: TypeAlias = None
p_uchar: TypeAlias = bytearray


@overload
def declare(kind: type[builtins.int], value: builtins.int = 0, visibility: str = "") -> builtins.int: ...
@overload
def declare(kind: type[object], value: object = None, visibility: str = "") -> Any: ...
def declare(kind: object, value: Any = None, visibility: str = "private") -> Any:
    """A constant, or an attribute of a class, whose values come later."""
    return value


def cclass(kind: _Any) -> _Any:
    return kind


def cfunc(function: _Any) -> _Any:
    return function


def inline(function: _Any) -> _Any:
    return function


def exceptval(value: builtins.int = 0, *, check: bool = True) -> Callable[[_Any], _Any]:
    return cfunc


NEVER = float("inf")

PURE = "XENSHARK_PURE"
"""A variable of the environment: if it says anything, `core.py` runs uncompiled though it was compiled."""

FOLDER = os.path.dirname(__file__)  # noqa: PTH120  # pathlib takes longer to import than all that is done here
SOURCE = os.path.join(FOLDER, "core.py")  # noqa: PTH118


def is_wanted() -> bool:
    """Whether `core.py` is to run uncompiled: because somebody says so, or because it was changed since it was
    compiled, as happens where the sources lie."""
    if os.environ.get(PURE):
        return True
    if not os.path.exists(os.path.join(FOLDER, "..", "..", "pyproject.toml")):  # noqa: PTH110, PTH118
        return False
    compiled = (
        one for one in os.scandir(FOLDER) if one.name.startswith("core.") and one.name.endswith((".so", ".pyd"))
    )
    return max((one.stat().st_mtime for one in compiled), default=NEVER) < os.stat(SOURCE).st_mtime  # noqa: PTH116


def load(name: str) -> ModuleType:
    """`core.py`, uncompiled, as the module of this name."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, SOURCE)
    assert spec is not None and spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
