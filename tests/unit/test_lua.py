"""The Lua dissector: written by the generator, clean, and with all that the grammar and the rules declare."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import REPOSITORY

from dissector.integrations.wireshark.generate import dissector
from dissector.integrations.wireshark.literals import literal, table
from dissector.protocol import (
    HEADERS,
    PLACES,
    RECORDS,
    XL_HEADER,
    Field,
    HeaderSpec,
    RecordSpec,
    fields,
    layout,
    xl_optional_data,
)
from dissector.rules import RULES

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

SPECS: tuple[HeaderSpec | RecordSpec, ...] = (*HEADERS.values(), *RECORDS)
FILE = REPOSITORY / "lua" / "xen_migration.lua"


@pytest.fixture(scope="module")
def text() -> str:
    return dissector()


@pytest.fixture(scope="module")
def joined(text: str) -> str:
    """The text with its broken calls on one line each."""
    return re.sub(r"\(\n\s+", "(", text)


def test_the_committed_file_is_what_the_generator_writes(text: str) -> None:
    assert FILE.read_text() == text, "run: xenshark lua --write"


def test_luacheck_finds_nothing() -> None:
    luacheck = shutil.which("luacheck")
    assert luacheck, "install luacheck (Debian: lua-check)"
    done = subprocess.run(
        [luacheck, "--no-color", FILE.name], cwd=FILE.parent, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count("warning ")) == (0, 0), done.stdout


def test_print_and_write(shell: Shell, text: str, tmp_path: Path) -> None:
    assert "\n".join(shell.lines("lua", "--print")) + "\n" == text
    file = tmp_path / "one.lua"
    assert shell.lines("lua", "--write", str(file)) == []
    assert file.read_text() == text
    assert "cannot write" in shell.complaint("lua", "--write", str(tmp_path / "nowhere" / "one.lua"))


def test_every_header_and_record_is_declared(joined: str) -> None:
    for header in HEADERS.values():
        assert f'header("{header.name}", "{header.layer}", {header.size},' in joined
    for record in RECORDS:
        assert f'record("{record.layer}", 0x{record.type:02x}, "{record.name}", "{record.shape}"' in joined


def _layouts() -> Iterator[tuple[str, list[Field]]]:
    for spec in SPECS:
        yield spec.body.__name__, list(fields(layout(spec.body, "little")))
    yield xl_optional_data.__name__, list(fields(layout(xl_optional_data, "little")))


def _names(shown: list[Field]) -> Iterator[str]:
    for field in shown:
        if (field.bits and field.size == 8) or field.name == "page_data":
            continue  # the entries of pages records are shown in runs, their contents as a line
        if field.name and not (field.elements and field.elements[0].bits and field.elements[0].size == 8):
            yield field.name
        yield from (part.name for part in field.bits)
        yield from _names(list(field.elements))


def test_every_field_is_declared(text: str) -> None:
    declared = dict(re.findall(r"^layouts\.(\w+) = \{\n(.*?)^\}", text, re.M | re.S))
    for name, shown in _layouts():
        body = declared.get("pages" if name in ("page_list", "page_data") else name, "")
        missing = [one for one in _names(shown) if f'"{one}"' not in body]
        assert not missing, f"{name} lacks {missing}"
    assert "optional_data" in XL_HEADER.body.__name__ or "layouts.xl_optional_data" in text


def test_rules_are_those_that_the_table_marks(joined: str) -> None:
    declared = re.findall(r'^declare_rule\("([a-z0-9-]+)"', joined, re.M)
    assert sorted(declared) == sorted(rule.id for rule in RULES.values() if rule.wireshark)
    logic = joined[joined.index("-- Order:") :]
    for rule in declared:
        uses = logic.count(f'"{rule}"')
        assert uses >= 2, f"{rule} is declared and nothing judges it"


def test_states_are_those_of_the_checker(text: str) -> None:
    start = text.index("local STATES = {")
    states = text[start : text.index("\n}", start)]
    for spec in SPECS:
        key = f"{spec.layer}.{spec.name}" if isinstance(spec, RecordSpec) else spec.name
        for following in PLACES[spec.role].moves.values():
            assert f'["{key}"] = "{following.value}"' in states


def test_literals() -> None:
    assert literal('a\n\0"1') == r'"a\n\000\"1"'
    assert literal({1: True, "end": None, "x": [2, b"\xff"]}) == r'{ [1] = true, ["end"] = nil, x = { 2, "\255" } }'
    assert table("x", dict.fromkeys(range(40), "n"))[0] == "x = {"
    assert max(map(len, table("x", dict.fromkeys(range(40), "n")))) <= 120
