"""What a rule is: one unit that says what it judges, why, and what breaks it, beside the function that judges it.

A rule is a module-level name in the file of its group. Whoever judges calls it with the values that broke it, and gets
a `Violation`; so a rule that does not exist is a name that does not exist. What a plain comparison of fields can tell
is no function but a `Check`, and a record in the wrong place is a `Misplaced`: both are data, which the checker and the
tables of Wireshark's dissector read alike.

In the texts, libxc and libxl name Xen's libraries (`tools/libs/guest`, `tools/libs/light`) and the specifications of
their streams (`docs/specs` in Xen). "Postcopy RFC" is the postcopy addition to the libxc specification and "postcopy
series" its author's implementation (`tools/libxc`, `tools/libxl`); no release of Xen contains either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple, NewType, TypeAlias, get_args

from dissector.events import FORWARD, Direction, Record
from dissector.protocol import Role, State
from dissector.rules.examples import Example

Severity: TypeAlias = Literal["error", "warning", "note"]
"""error: a receiver fails or the specification forbids it; warning: tolerated but suspect; note: a fact."""

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""Gravest first."""

IN_STATE = '{record} in the state "{state}"'
"""What every rule says of a record that is misplaced."""

AND_MORE = ", and {more:,} more in this record"
"""What is added where a record breaks a rule more than once."""

WRITER = (
    "Only the program that wrote it can mend that: report it to its authors (Xen's: xen-devel@lists.xenproject.org),"
    " with what `xenshark extract FILE -w OUT --anonymize` makes of the capture."
)
"""The advice of rules that no setting of a host can break or keep."""

Title: TypeAlias = Literal["headers and framing", "order and direction", "contents", "pages", "toolstack and capture"]
"""Under which heading rules are listed."""

RuleId = NewType("RuleId", str)
"""The id of a rule that exists: only a rule makes one."""

Effect: TypeAlias = Literal["stops", "loses", "no header", "doubts", "once", "depends", "apart", "run", "cut", "body"]
"""What an error of a rule does to what is said after it, and what may have caused it (`aftermath.py`). "stops": a
reader is not where it should be, and goes no further. "loses": what follows in its direction is no stream of records to
anybody. "no header": behind an error it says that headers are none. "doubts": the length of the record may be wrong.
"once": one mistake in however many records. "depends": it takes records before it that may be the refused ones.
"apart": it counts as no consequence. "run": records of one name that follow one another, whatever is between them,
break it once. "cut": it says no more than that the stream ends where a length leads. "body": though a reader stops at
it, it is read in the body, which a wrong length cuts in the wrong place."""

FRAMING: frozenset[Effect] = frozenset({"stops", "doubts", "run"})
PLACE: frozenset[Effect] = frozenset({"stops", "run"})
BODY: frozenset[Effect] = frozenset({"run"})
DEPENDS: frozenset[Effect] = frozenset({"once", "depends"})
"""Effects of most rules of framing, of place, and of bodies; and of what depends on other records."""

Op: TypeAlias = Literal["==", "!=", "<", ">", "in", "not in", "any bit of", "no bit of"]

Scope: TypeAlias = Literal["header", "record", "list", "entry"]
"""What a check compares. "header": the fields of its layout, bits and names as the numbers they are. "record": `type`,
`body_length`, and the stream's `page_shift`. "list": `count` of a pages record of which all entries were captured.
"entry": `type` of each entry of a pages record."""


class Condition(NamedTuple):
    """A comparison of one field with a constant."""

    field: str
    op: Op
    value: int | frozenset[int]


class Check(NamedTuple):
    """A plain check of fields: the rule is broken where all conditions hold."""

    scope: Scope
    of: tuple[str, ...]
    """What is checked: headers by name, records as "layer.NAME", "layer.?" of one that nobody specified."""
    when: tuple[Condition, ...]
    message: str
    """A template, see `Rule.message`. It can name each field, and `bits`: what the last condition has found of its
    bits. Of an entry it can name `pfn`, `type` and the type's `name`."""


class Misplaced(NamedTuple):
    """A role that breaks the rule in some states that do not allow it."""

    roles: tuple[Role, ...]
    states: tuple[State, ...]
    then: State | None = None
    """The state that the record implies; None: the one before goes on."""


class Violation(NamedTuple):
    """A rule was broken."""

    rule: Rule
    message: str
    """One sentence with the values that broke it."""
    record: Record | None = None
    """The record that broke it, if the end of all judged it; else it is the one at hand."""
    direction: Direction = FORWARD
    """Of a violation without a record."""
    severity: Severity | None = None
    """If not the rule's own."""

    @property
    def gravity(self) -> Severity:
        return self.severity or self.rule.severity

    @property
    def is_fatal(self) -> bool:
        """Whether it can be what a migration failed of."""
        return self.gravity == "error" or self.rule.fatal

    def at(self, record: Record) -> Violation:
        return self._replace(record=record)

    def on(self, direction: Direction) -> Violation:
        return self._replace(direction=direction)

    def as_warning(self) -> Violation:
        return self._replace(severity="warning")


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. Its texts speak in general; the values that broke it are in the message of a finding."""

    id: str
    group: Title
    severity: Severity
    summary: str
    """One sentence without its period: what a finding of this rule says."""
    source: str
    """Where the specification or the code says so: section, header or function."""
    why: str
    """What it means, and what real senders and receivers do about it."""
    advice: str
    """What whoever has to do with such a migration should do; where the hosts' settings can do nothing, whom to ask."""
    example: str
    """Records or values that break the rule, and their nearest neighbour that does not."""
    breaking: Example
    """The same as data: a stream that breaks this rule."""
    legal: Example
    """One that does not, nor has any other error."""
    message: str = ""
    """What a finding says: a template in which `{name}` stands for a value as it is, `{name:,}` for a number with
    commas, `{name:x}`, `{name:08x}` and `{name:016x}` for its hexadecimal digits, `{name:.3f}` for three decimals."""
    messages: type[StrEnum] | None = None
    """Templates by name, where its judge has more to say than one thing."""
    checks: tuple[Check, ...] = ()
    misplaced: tuple[Misplaced, ...] = ()
    wireshark: bool = False
    """Whether it can be judged while packets go by, in the order of the stream: Wireshark's dissector then judges it,
    too. What is left shows at the end of a capture, or needs packets that carry no payload."""
    also: tuple[Severity, ...] = ()
    """Other severities that a finding can have, each for a case that `why` tells."""
    fatal: bool = False
    """Whether the known programs fail on it though it is no error by the specification."""
    on_request: bool = False
    """Whether it is broken by healthy migrations of today's Xen: a finding is shown only to who asks for it."""
    effects: frozenset[Effect] = frozenset()
    """What of it is told where another error was told of before, and the other way round."""
    consequence: bool = False
    """Whether a broken off stream breaks it in any case: no reason, but what follows from one."""
    receiver_says: Mapping[str, str | None] = field(default_factory=dict)
    """What the real receiver writes into its log when it meets this, as in Xen's sources (%s, %u and the like stand for
    values), and for which findings: a pattern of "layer.record: message". Of several that fit it is the first; None:
    none of the findings tells that it is this one. Empty where it says nothing of its own."""
    also_logged: tuple[str, ...] = ()
    """What else stands in the log of either side of such a migration, and tells no finding from another."""

    def __call__(self, template: str = "", /, **values: object) -> Violation:
        """A violation that says the rule's message, or one of its `messages`, with these values."""
        return Violation(self, str(template or self.message).format_map(values))

    @property
    def logged(self) -> tuple[str, ...]:
        """Every line of a log that may belong to it."""
        return (*self.receiver_says, *self.also_logged)

    @property
    def templates(self) -> tuple[str, ...]:
        """Everything that a finding of this rule can say."""
        alone = (self.message,) if self.message else ()
        named = tuple(one.value for one in self.messages) if self.messages else ()
        return (*alone, *named, *(check.message for check in self.checks))


def check(scope: Scope, of: str | tuple[str, ...], message: str, *when: tuple[str, Op, int | frozenset[int]]) -> Check:
    """A check, written down."""
    return Check(scope, (of,) if isinstance(of, str) else of, tuple(Condition(*one) for one in when), message)


def declared(namespace: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules of a file, out of its `globals()`, in the order in which they are listed."""
    return tuple(one for one in namespace.values() if isinstance(one, Rule))


def misplaced_by_role(rules: Iterable[Rule]) -> Mapping[tuple[Role, State], tuple[Rule, State | None]]:
    """The rule that a role breaks in a state, and the state that it implies."""
    return {
        (role, state): (rule, one.then)
        for rule in rules
        for one in rule.misplaced
        for role in one.roles
        for state in one.states
    }
