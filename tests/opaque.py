"""What of each capture's bodies stays octets: `captures/opaque.md`, which a test holds against the captures.

`python -m tests.opaque --write` writes it anew, from the captures that are at hand; without --write it is printed.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parent))

from conftest import ELSEWHERE, OWN, REPOSITORY, captures

from dissector import library
from dissector import protocol as g
from dissector.errors import UserError
from dissector.events import Record
from dissector.protocol.depth import deepen
from dissector.protocol.primitives import Unread
from dissector.results.decoding import around

TABLE = REPOSITORY / "captures" / "opaque.md"

SPECS: dict[tuple[str | None, str], Any] = {(spec.layer, spec.name): spec for spec in g.RECORDS}

NO_WORDS = re.compile(r"^(pad|res|available)\w*$|^(xmm|st)$")
"""Fields that are octets because they are padding, or a register of as many."""

HEAD = """\
# What of the bodies stays octets

Of each capture: octets of all bodies of records (page lists and page contents left out), how many of them have no names
of their own, and in which records those are. Padding and the values of FPU registers do not count. An asterisk: some of
them are of no layout that is known; in `postcopy/` and `violations/` a fake hypervisor made XSAVE areas up, in `field/`
and `receivers/` stand-ins, and lengths that are wrong on purpose, are among them.

XSAVE areas in the compacted format stay octets, and none of the captures has one: Xen sends none and takes none. What
it saves is written anew in the standard format (expand_xsave_states in xen/arch/x86/xstate.c), with 0 in xcomp_bv of
struct hvm_hw_cpu_xsave_hdr (xen/include/public/arch-x86/hvm/save.h); another value there is refused (validate_xstate).

Written by `python -m tests.opaque --write`.

| capture | octets | opaque | share | in |
|---|---|---|---|---|
"""


class Opaque(NamedTuple):
    """The bodies of a capture."""

    octets: int
    left: Counter[str]
    """Octets without a name, by the name of their record."""
    unread: Counter[str]
    """Octets of no known layout, by what they should have been."""

    def row(self, name: str) -> str:
        """A line of the table."""
        left = sum(self.left.values())
        share = f"{100 * left / self.octets:.1f} %" if self.octets else "-"
        where = ", ".join(f"{record} {count:,}" for record, count in sorted(self.left.items()) if count)
        return f"| {name} | {self.octets:,} | {left:,}{'*' * bool(self.unread)} | {share} | {where or '-'} |"


def bodies(path: Path) -> Iterator[Record]:
    """Headers and records of a capture that have more than one meaning for their octets."""
    for event in library.open(path).events():
        if isinstance(event, Record) and event.complete and (event.layer, event.name) in SPECS and not event.is_pages:
            yield event


def unnamed(value: Any, name: str = "") -> int:
    """How many octets have no names of their own."""
    if isinstance(value, bytes):
        return 0 if NO_WORDS.match(name) else len(value)
    if isinstance(value, dict):
        return sum(unnamed(inside, key) for key, inside in value.items())
    return sum(unnamed(inside, name) for inside in value) if isinstance(value, list) else 0


def unread(value: Any) -> Iterator[Unread]:
    """The octets that are not what stands in their place as a rule."""
    if isinstance(value, Unread):
        yield value
    elif isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from unread(inside)


def opaque(path: Path) -> Opaque | None:
    """Of a capture; None if it holds no stream that can be followed."""
    found = Opaque(0, Counter(), Counter())
    try:
        for record in bodies(path):
            shape = g.layout(SPECS[record.layer, record.name].body, record.endianness)
            deep = deepen(shape, g.parse_partial(shape, record.body), around(record))
            found = found._replace(octets=found.octets + len(record.body))
            found.left[record.name] += unnamed(deep)
            found.unread.update(one.why.partition(" are no ")[2] for one in unread(deep))
    except UserError:
        return None
    return found


def every() -> dict[str, Path]:
    """All captures at hand by name: those with a truth, and single files."""
    single = {
        f"{folder}/{path.name.removesuffix('.zst')}": path
        for root in (OWN, ELSEWHERE)
        for folder in ("field", "receivers")
        for path in (root / folder).glob("*.zst")
    }
    tapped = {
        str(path.relative_to(root)).removesuffix(".zst"): path
        for root in (OWN, ELSEWHERE)
        for path in root.glob("*/*/*.pcapng.zst")
    }
    return dict(sorted({**captures(), **tapped, **single}.items()))


def rows() -> Iterator[str]:
    """The lines of the table."""
    for name, path in every().items():
        found = opaque(path)
        if found is not None:
            yield found.row(name)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="What of each capture's bodies stays octets.")
    parser.add_argument("--write", action="store_true", help=f"write {TABLE.relative_to(REPOSITORY)}")
    text = HEAD + "\n".join(rows()) + "\n"
    if parser.parse_args().write:
        TABLE.write_text(text)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
