"""Every rule, in the order in which rules are listed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dissector.rules import (
    capture,
    contents,
    custody,
    ending,
    framing,
    handshake,
    headers,
    hvm_state,
    order,
    pages,
    postcopy,
    pv_state,
    toolstacks,
    verify,
)
from dissector.rules.rule import Rule

GROUPS = (
    headers,
    framing,
    ending,
    order,
    postcopy,
    contents,
    hvm_state,
    pv_state,
    verify,
    pages,
    handshake,
    toolstacks,
    custody,
    capture,
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for group in GROUPS for rule in group.RULES})
"""By id."""
