"""Every rule, in the order in which rules are listed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dissector.rules import capture, framing, handshake, headers, order, pages, postcopy
from dissector.rules.rule import Rule

RULES: Mapping[str, Rule] = MappingProxyType(
    {rule.id: rule for group in (headers, framing, order, postcopy, pages, handshake, capture) for rule in group.RULES}
)
"""By id."""
