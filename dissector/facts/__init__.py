"""Events to facts: what a migration was, how far it came, where its octets and its time went."""

from dissector.facts.directions import DirectionFacts
from dissector.facts.distribution import Distribution, distribution
from dissector.facts.faults import Fault, Faults
from dissector.facts.guest import Guest, Toolstack, configuration, toolstack, type_of
from dissector.facts.iterations import Convergence, Iteration, convergence, dirty_rate
from dissector.facts.links import Link, Linker, Links
from dissector.facts.migration import UNREMARKABLE, Connection, Migration, Noted
from dissector.facts.outcome import Kind, Outcome
from dissector.facts.pages import Pages
from dissector.facts.pfns import PfnSet
from dissector.facts.phases import Phase, PhaseName
from dissector.facts.roles import role_of

__all__ = [
    "UNREMARKABLE",
    "Connection",
    "Convergence",
    "DirectionFacts",
    "Distribution",
    "Fault",
    "Faults",
    "Guest",
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
    "Toolstack",
    "configuration",
    "convergence",
    "dirty_rate",
    "distribution",
    "role_of",
    "toolstack",
    "type_of",
]
