"""Ids of rules, as users write them."""

from __future__ import annotations

from difflib import get_close_matches

from dissector.rules import RULES


def no_such_rule(name: str) -> str:
    """What to say of a rule id that is none."""
    near = get_close_matches(name, RULES, 3)
    return f"there is no rule {name!r}" + (f"; near: {', '.join(near)}" if near else "; `xenshark rules` lists them")
