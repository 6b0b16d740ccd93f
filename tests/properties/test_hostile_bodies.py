"""Whatever stands in a body, in lengths, counts and descriptions: nothing raises that shows it, and it builds back."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from unittest.mock import Mock

import pytest
from hostile_bodies import GENUINE, SPECS, damaged, hostile_capture
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.all import sniff

from dissector import library
from dissector import protocol as g
from dissector.events import Context, Record
from dissector.filter.fields import Around, Row, records
from dissector.integrations.scapy import MigrationSession
from dissector.protocol.depth import deepen, flatten
from dissector.results.changes import SECTIONS, DiffResult, Side
from dissector.results.decoding import decoded
from dissector.results.encoding import to_json
from dissector.results.guest import Guests
from dissector.views.changes import changes_as_text
from dissector.views.fields import tree
from dissector.views.guest import guest_as_text


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("is_pv", [False, True], ids=["HVM", "PV"])
def test_hostile_bodies_are_shown(tmp_path: Path, seed: int, order: g.Endianness, is_pv: bool) -> None:
    path = tmp_path / "capture"
    path.write_bytes(hostile_capture(seed, order, is_pv))
    guests, scope = Guests(), records()
    for event in library.open(path).events():
        guests.add(event)
        if not isinstance(event, Record):
            continue
        json.dumps(decoded(event, deep=True), allow_nan=False)
        assert all(line.isprintable() for line in tree(decoded(event, deep=True), full=True))
        row = Row(event, (), Around())
        for field in scope.fields.values():
            list(field.values(row))
    results = guests.results()
    for one in results:
        list(guest_as_text(one))
        json.dumps(to_json(one), allow_nan=False)
    sides = [Side(name, one, Mock()) for name, one in zip("ab", (*results, *results), strict=False)]
    sections = tuple(one for one in SECTIONS if one != "traffic")
    for a in sides:
        for b in sides:
            found = DiffResult.of(a, b, sections)
            list(changes_as_text(found))
            assert found.is_same
    for packet in sniff(offline=str(path), session=MigrationSession(), quiet=True):
        packet.show(dump=True)
        packet.summary()


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 32), order=st.sampled_from(("little", "big")), width=st.sampled_from((None, 0, 4, 8)))
def test_hostile_bodies_build_back(seed: int, order: g.Endianness, width: int | None) -> None:
    random = Random(seed)
    layer, name, body = random.choice([one for one in GENUINE if one[:2] in SPECS])
    shape = g.layout(SPECS[layer, name].body, order)
    octets = damaged(body, random)
    values = g.parse_partial(shape, octets)
    deep = deepen(shape, values, Context(guest_width=width)._asdict())
    assert flatten(shape, deep) == values
    json.dumps(g.json_safe(deep), allow_nan=False)
