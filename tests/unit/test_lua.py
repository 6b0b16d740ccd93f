"""The Lua dissector: written by the generator, clean, and with all that the grammar and the rules declare."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY

from dissector import __version__
from dissector.integrations.wireshark.fields import OF_ITEMS, prefix, shown_fields
from dissector.integrations.wireshark.generate import PARTS, dissector
from dissector.integrations.wireshark.literals import literal, table, wrapped
from dissector.integrations.wireshark.patterns import lua_pattern
from dissector.integrations.wireshark.runtime import streams, words
from dissector.protocol import HEADERS, MESSAGES, RECORDS, Field, Role
from dissector.rules import RULES

pytest_plugins = ("shell",)

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


def test_print_and_write(shell, text: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert "\n".join(shell.lines("lua", "--print")) + "\n" == text
    file = tmp_path / "one.lua"
    assert shell.lines("lua", "--write", str(file)) == []
    assert file.read_text() == text
    assert "cannot write" in shell.complaint("lua", "--write", str(tmp_path / "nowhere" / "one.lua"))


def test_every_header_and_record_is_there(joined: str) -> None:
    for header in HEADERS.values():
        assert f'HEADER["{header.name}"] = py.make(' in joined
    for record in RECORDS:
        assert f'RECORD["{record.layer}.{record.name}"] = py.make(' in joined


def _names(shown: Iterable[Field], path: str) -> Iterator[str]:
    for field in shown:
        own = f"{path}.{field.name}" if field.name else path
        if field.kind != "array" or field.elements[0].name:
            yield own
        yield from (f"{own}.{part.name}" for part in field.bits)
        yield from _names(field.elements, own)


def test_every_field_is_declared(joined: str) -> None:
    declared = set(re.findall(r'^declare\("\w+", "([\w.]+)"', joined, re.M))
    assert {one.path for one in OF_ITEMS} <= declared
    for name in (*HEADERS, *(record.name for record in RECORDS)):
        for _, shown in shown_fields(name):
            missing = set(_names(shown, prefix(name))) - declared
            assert not missing, f"{name} lacks {missing}"


def test_every_field_of_items_is_shown() -> None:
    shown = "".join(PARTS.values()) + inspect.getsource(words) + inspect.getsource(streams)
    for one in OF_ITEMS:
        names = (f'F["{one.path}"]', f"F.{one.path}", f', "{one.path}"', f'yield "{one.path}"')
        assert any(name in shown for name in names), one.path


def test_the_manual_says_how_much_is_by_hand(text: str) -> None:
    by_hand = sum(part.count("\n") for part in PARTS.values())
    manual = (FILE.parent / "README.md").read_text()
    assert f"Of its {text.count(chr(10)):,} lines {by_hand:,} are by hand" in manual


def test_rules_are_those_that_the_table_marks(joined: str) -> None:
    judged = set(re.findall(r'^declare_expert\("[^"]+", "rule\.([\w-]+)[".]', joined, re.M))
    assert sorted(judged) == sorted(rule.id for rule in RULES.values() if rule.wireshark)
    logic = joined[joined.index("-- Checks:") :]
    for rule in judged:
        assert f'RULE["{rule}"]' in logic, f"{rule} is declared and nothing judges it"


def test_nothing_of_the_protocol_is_by_hand() -> None:
    """No text, template or id of a rule, and no number that a module of the package has a name for."""
    by_hand = "\n".join(PARTS.values())
    said = {template for rule in RULES.values() for template in rule.templates} | set(RULES)
    assert not [one for one in said if f'"{one}"' in by_hand]
    names = {record.name for record in RECORDS} | {message.name for message in MESSAGES.values()} | set(HEADERS)
    assert not [one for one in names - {role.name for role in Role} if f'"{one}"' in by_hand]


def test_literals() -> None:
    assert literal('a\n\0"1') == r'"a\n\000\"1"'
    assert literal({1: True, "end": None, "x": [2, b"\xff"]}) == r'{ [1] = true, ["end"] = nil, x = { 2, "\255" } }'
    assert table("x", dict.fromkeys(range(40), "n"))[0] == "x = {"
    assert max(map(len, table("x", dict.fromkeys(range(40), "n")))) <= 120


def test_long_lines_are_broken_outside_of_texts() -> None:
    lines = wrapped("    x = f(" + ", ".join(f'"text {number} of many"' for number in range(12)) + ")")
    assert max(map(len, lines)) <= 120
    assert all(line.count('"') % 2 == 0 for line in lines)


def test_patterns() -> None:
    assert lua_pattern(rb"SSH-\d") == b"^SSH%-[%d]"
    assert lua_pattern(rb"\x16\x03[\x00-\x04]..[\x01\x02]") == b"^\x16\x03[\x00-\x04]..[\x01\x02]"
    with pytest.raises(ValueError, match="no pattern of Lua"):
        lua_pattern(rb"a+")


def test_a_time_reference_changes_no_latency(tmp_path: Path) -> None:
    """Ctrl+T in the graphical interface moves what relative times count from."""
    found = re.search(r"^local function time_of\(pinfo\)\n.*?^end\n", PARTS["place.lua"], re.M | re.S)
    assert found is not None
    script = tmp_path / "times.lua"
    script.write_text(
        f"""local capture, max = {{}}, math.max
{found[0]}
local fault = time_of({{ rel_ts = 2.000000123, abs_ts = 1700000002.000000123 }})
local page = time_of({{ rel_ts = 2.287400123, abs_ts = 1700000002.287400123 }})
local after = time_of({{ rel_ts = 0.0214, abs_ts = 1700000002.287400123 }})
print(string.format("%.9f %.6f", page - fault, after - fault))
"""
    )
    lua = shutil.which("lua")
    if lua is None:
        pytest.skip("no lua")
    done = subprocess.run([lua, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "0.287400000 0.287400\n"


def test_it_says_its_licence_and_version(text: str) -> None:
    assert text.startswith("-- SPDX-License-Identifier: GPL-2.0-or-later\n")
    assert f'set_plugin_info({{ version = "{__version__}" }})' in text
