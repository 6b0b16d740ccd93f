"""Python as Lua: what the parser and the rules decide, translated from the functions in which they decide it.

A `Program` is asked for functions and classes of the package by their Python objects. It translates them, and whatever
they need, function by function: a module becomes a table, a class a table with a constructor, a constant the value that
it has in Python. What Lua has no word for is a function of the runtime, `parts/python.lua`, which says with each what
of Python it keeps; what is better said in Lua than translated is named by `native` and stands in the other parts.

The subset. Functions, classes, NamedTuples, dataclasses, enumerations; `if`, `for`, `while`, `return`, `yield`,
assignments; comprehensions; calls with keywords where it is known whom they call. There are no exceptions: a `try`
around one assignment asks whether the value is there. A generator gives a list. None is nil, so no list holds any;
tuples are lists, sets and dictionaries tables, and of integers the first 2^53 are exact: a longer one is its octets in
hexadecimals, good for being compared and shown. Anything else raises `Untranslatable`, with its place.
"""

from dissector.integrations.wireshark.translation.kinds import Untranslatable
from dissector.integrations.wireshark.translation.program import Program

__all__ = ["Program", "Untranslatable"]
