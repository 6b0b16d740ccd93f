"""The report: results as one HTML file that needs nothing else.

The charts are drawn by plain JavaScript of its own (SCRIPTS) and no library: what they share is an axis of time with
bands, lanes and marks, which the general ones leave to their users, and the smallest of those that zoom (uPlot) draws
on a canvas, of which no SVG can be saved. So there is nothing to bundle, and all of the page can be read here.

Nothing of a capture is ever markup. The data stand in the page compressed and as base64, whose letters cannot end an
element; the script makes text nodes of them. The page's Content-Security-Policy lets this script and this style run, by
their digests, and nothing be loaded or sent.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files
from typing import Any, NamedTuple

from dissector.results.analysis import AnalysisResult
from dissector.results.encoding import to_json
from dissector.results.faults import FaultResult
from dissector.results.guest import GuestResult
from dissector.results.timeline import TimelineResult
from dissector.rules import RULES
from dissector.views.report.records import LARGEST_EXACT, Records

SCRIPTS = ("words.js", "elements.js", "charts.js", "pictures.js", "faults.js", "records.js", "sections.js")
"""One script, in this order."""

TEXT_MAX = 500
"""Characters of a text that the page shows; who has longer ones is hostile."""

FAULTS_MAX = 50_000
"""Faults of an input that the page shows."""


class Reported(NamedTuple):
    """All that the page shows of one input."""

    analysis: AnalysisResult
    guests: Sequence[GuestResult]
    timelines: Sequence[TimelineResult]
    faults: Sequence[FaultResult]
    records: Records
    problem: str | None
    """What is wrong with it, in one line."""
    told: Sequence[Mapping[str, Sequence[tuple[str, str]]]] = ()
    """Of each migration what `analyze` says of its downtime and limits (`views.analysis.told`)."""
    took: Sequence[float | None] = ()
    """Seconds that each went on, as `analyze` says; None: not known."""


def page(inputs: Sequence[Reported], version: str, problems: Sequence[str] = ()) -> str:
    """The HTML file. `version`: of the program that writes it. `problems`: of what could not be read, a line each."""
    found = {finding.rule for one in inputs for finding in one.analysis.findings}
    about = {name: RULES[name] for name in sorted(found)}
    rules = {name: {"summary": one.summary, "why": one.why, "advice": one.advice} for name, one in about.items()}
    data = {
        "version": version,
        "rules": rules,
        "problems": cut(list(problems)),
        "inputs": [_input(one) for one in inputs],
    }
    octets = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    style, script = _part("page.css"), '"use strict";\n' + "\n".join(map(_part, SCRIPTS))
    parts = {
        "{style-hash}": _digest(style),
        "{script-hash}": _digest(script),
        "{style}": style,
        "{data}": b64encode(zlib.compress(octets, 9)).decode(),
        "{script}": script,
    }
    text = _part("page.html")
    for name, part in parts.items():
        before, after = text.split(name)
        text = before + part + after
    return text


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _input(one: Reported) -> dict[str, Any]:
    faults = one.faults[:FAULTS_MAX]
    columns = ("migration", "pfn", "time", "latency", "in_flight", "frame", "offset")
    return {
        "analysis": cut(to_json(one.analysis)),
        "guests": cut(to_json(tuple(one.guests))),
        "timelines": to_json(tuple(one.timelines)),
        "faults": {name: [getattr(fault, name) for fault in faults] for name in columns},
        "faults_left_out": len(one.faults) - len(faults),
        "records": one.records.columns(),
        "problem": one.problem,
        "told": cut(to_json(tuple(one.told))),
        "took": list(one.took),
    }


def cut(value: Any) -> Any:
    """A value as JSON knows it, with long texts cut off, and integers as text that JavaScript would round."""
    if isinstance(value, int) and abs(value) > LARGEST_EXACT:
        return str(value)
    if isinstance(value, str):
        return value if len(value) <= TEXT_MAX else f"{value[:TEXT_MAX]} ... ({len(value):,} characters)"
    if isinstance(value, dict):
        return {cut(name): cut(one) for name, one in value.items()}
    if isinstance(value, list):
        return [cut(one) for one in value]
    return value
