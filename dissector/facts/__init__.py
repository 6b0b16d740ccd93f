"""Events to facts: what a migration was, how far it came, where its octets and its time went."""

from dissector.facts.directions import DirectionFacts
from dissector.facts.distribution import Distribution, distribution
from dissector.facts.downtime import Downtime, Moment
from dissector.facts.faults import Fault, Faults
from dissector.facts.guest import Guest, Toolstack, configuration, has_configuration, toolstack, type_of
from dissector.facts.iterations import Convergence, Iteration, best_stop, convergence, dirty_rate, outstanding
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
    "Downtime",
    "Fault",
    "Faults",
    "Guest",
    "Iteration",
    "Kind",
    "Link",
    "Linker",
    "Links",
    "Migration",
    "Moment",
    "Noted",
    "Outcome",
    "Pages",
    "PfnSet",
    "Phase",
    "PhaseName",
    "Toolstack",
    "best_stop",
    "configuration",
    "convergence",
    "dirty_rate",
    "distribution",
    "has_configuration",
    "outstanding",
    "role_of",
    "toolstack",
    "type_of",
]
