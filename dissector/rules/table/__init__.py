"""The table itself, one file a topic.

In the texts, libxc and libxl name Xen's libraries (`tools/libs/guest`, `tools/libs/light`) and the
specifications of their streams (`docs/specs` in Xen). "Postcopy RFC" is the postcopy addition to the libxc
specification and "postcopy series" its author's implementation (`tools/libxc`, `tools/libxl`); no release of
Xen contains either.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dissector.rules.rule import Rule
from dissector.rules.table import framing, order, pages, postcopy_order, toolstack

_ALL = (*framing.RULES, *order.RULES, *postcopy_order.RULES, *pages.RULES, *toolstack.RULES)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule by id, in the order in which they are to be listed."""
