"""Findings at their places, as compilers print them: the record, its neighbours, the field and its octets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple, TypeAlias

from dissector.events import Record
from dissector.facts import Link
from dissector.rules import RULES
from dissector.rules.findings import Finding
from dissector.units import many, micros, printable, seconds_text
from dissector.views.fields_at import entry_of, extent_of
from dissector.views.findings import receiver_says
from dissector.views.octets import dump, kept
from dissector.views.records import line
from dissector.views.rules import WIDTH

SAME_SHOWN = 3
"""Findings of one rule that are shown with their place; the others are counted."""

DUMPED = 4
"""Lines of octets around the field."""


Shown: TypeAlias = dict[int, tuple[Record, Sequence[Link]]]
"""Records that are shown, by their numbers, with their links."""


class Numbered(NamedTuple):
    """A finding and its number among all of its file, from 1."""

    number: int
    finding: Finding


def wanted(findings: Sequence[Numbered], context: int) -> set[int]:
    """Numbers of the records that `full` shows: those of findings, and `context` before and after each."""
    places = [one.finding.number for group in _groups(findings) for one in _shown(group)]
    return {near for at in places if at for near in range(max(1, at - context), at + context + 1)}


def full(file: str, words: str, findings: Sequence[Numbered], records: Shown, start: int, context: int) -> str:
    """The findings of one migration: first what broke a rule by itself, then what follows from that.

    `words`: what opens the file on a command line; `records`: those that were asked for by `wanted`, as far as they can
    be had; `start`: time of the first packet."""
    groups = list(_groups(findings))
    causes = [group for group in groups if not group[0].finding.is_consequence]
    follows = [group for group in groups if group[0].finding.is_consequence]
    advised: set[str] = set()
    blocks = ["\n".join(_block(file, words, group, records, start, context, advised)) for group in causes]
    if causes and follows:
        blocks.append("\n".join(["what follows from that:", *(f"  {_head(group)}" for group in follows)]))
    else:
        blocks += ["\n".join(_block(file, words, group, records, start, context, advised)) for group in follows]
    return "\n\n".join(blocks)


def _groups(findings: Sequence[Numbered]) -> Iterator[list[Numbered]]:
    """Those of one rule and direction together, where its first one is."""
    found: dict[tuple[str, str, str], list[Numbered]] = {}
    for one in findings:
        found.setdefault((one.finding.rule, one.finding.severity, one.finding.direction), []).append(one)
    yield from found.values()


def _shown(group: Sequence[Numbered]) -> Sequence[Numbered]:
    return group[: 1 if group[0].finding.severity == "note" else SAME_SHOWN]


def _head(group: Sequence[Numbered]) -> str:
    number, finding = group[0]
    said = receiver_says(finding)
    words = f"{finding.severity}[{finding.rule}] {finding.message}" + (f" (receiver's log: {said})" if said else "")
    more = f"; and {many(len(group) - 1, 'time')} more" if len(group) > 1 else ""
    return printable(f"{words}{more} (finding {number})")


def _block(
    file: str,
    words: str,
    group: Sequence[Numbered],
    records: Shown,
    start: int,
    context: int,
    advised: set[str],
) -> Iterator[str]:
    """`advised`: advice that was given, which is given once."""
    shown = _shown(group)
    for number, finding in shown:
        yield printable(f"{finding.severity}[{finding.rule}] {finding.message}")
        record, _ = records.get(finding.number or 0, (None, ()))
        yield printable(f"  --> {file}: {_where(finding, record)}")
        if record is not None and finding.number is not None:
            yield from _surroundings(finding, record, finding.number, records, start, context)
        said = receiver_says(finding)
        if said is not None:
            yield printable(f"  = receiver's log: {said}")
        advice = RULES[finding.rule].advice
        if advice not in advised:
            advised.add(advice)
            yield from wrap(f"  = what to do: {advice}", WIDTH, subsequent_indent="    ", break_on_hyphens=False)
        if finding.number is not None:
            yield printable(f"  = xenshark read --at finding:{number} -x {words}")
    if len(group) > len(shown):
        rule = shown[0].finding.rule
        more = many(len(group) - len(shown), "finding")
        yield printable(
            f"  = {more} more of this rule, {group[0].finding.direction}: see --format concise --select {rule}"
        )


def _where(finding: Finding, record: Record | None) -> str:
    words = [f"record {finding.number}"] if finding.number is not None else []
    words += [finding.record] if finding.record else []
    entry = entry_of(finding, record) if record is not None else None
    words += [f"entry {entry} of {record.count:,}"] if entry is not None and record is not None else []
    words += [f"migration {finding.migration}", finding.direction]
    words += [f"frame {finding.frame}"] if finding.frame is not None else []
    words += [f"offset {finding.offset}"] if finding.offset is not None else []
    return ", ".join(words)


def _surroundings(finding: Finding, record: Record, at: int, records: Shown, start: int, context: int) -> Iterator[str]:
    for number in range(at - context, at + context + 1):
        if number not in records:
            continue
        near, links = records[number]
        time = seconds_text(micros(near.last.time - start)) if near.last.frame else "-"
        yield f"  {'>' if number == at else '|'} {line(near, links, number, time, bool(near.migration))}"
        if number == at:
            octets, missing = kept(record)
            marked = extent_of(finding, record)
            yield from (f"  | {'':8}{one}" for one in dump(octets, marked, DUMPED))
            if marked is not None and marked.offset >= len(octets) and missing:
                yield f"  | {'':8}{marked.name} is among the {missing:,} octets that are not kept"
