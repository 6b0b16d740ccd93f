"""Records to facts: what a migration was, how far it came, where its octets and its time went."""

from dissector.facts.faults import Distribution, Fault, Faults, distribution
from dissector.facts.migration import Iteration, Migration, Pages, Phase
from dissector.facts.pfns import PfnSet

__all__ = [
    "Distribution",
    "Fault",
    "Faults",
    "Iteration",
    "Migration",
    "Pages",
    "PfnSet",
    "Phase",
    "distribution",
]
