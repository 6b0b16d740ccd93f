"""Every rule, in the order in which rules are listed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dissector.rules import capture, ending, framing, handshake, headers, order, pages, postcopy
from dissector.rules.rule import Rule

GROUPS = (headers, framing, ending, order, postcopy, pages, handshake, capture)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for group in GROUPS for rule in group.RULES})
"""By id."""
