"""Events to facts: what a migration was, how far it came, where its octets and its time went."""

from dissector.facts.directions import DirectionFacts
from dissector.facts.distribution import Distribution, distribution
from dissector.facts.faults import Fault, Faults
from dissector.facts.iterations import Iteration
from dissector.facts.links import Link, Linker, Links
from dissector.facts.migration import UNREMARKABLE, Migration, Noted
from dissector.facts.outcome import Kind, Outcome
from dissector.facts.pages import Pages
from dissector.facts.pfns import PfnSet
from dissector.facts.phases import Phase, PhaseName
from dissector.facts.roles import role_of

__all__ = [
    "UNREMARKABLE",
    "DirectionFacts",
    "Distribution",
    "Fault",
    "Faults",
    "Iteration",
    "Kind",
    "Link",
    "Linker",
    "Links",
    "Migration",
    "Noted",
    "Outcome",
    "Pages",
    "PfnSet",
    "Phase",
    "PhaseName",
    "distribution",
    "role_of",
]
