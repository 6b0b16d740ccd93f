"""`xenshark lua --install`, `--check` and `--uninstall`, in a home of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import OWN
from wireshark.releases import RELEASES, unpacked, wireshark_of

from dissector.errors import UserError
from dissector.integrations.wireshark import generate, install, profile
from dissector.integrations.wireshark.tshark import complaints, find, folders, isolated

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)


@pytest.fixture(params=RELEASES, ids=lambda release: f"Wireshark {release}")
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and one of the Wiresharks first in the path."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "tshark").symlink_to(wireshark_of(request.param).path)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return home


def installed(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.is_file())


def test_what_is_installed_is_loaded_and_goes_again(home: Path) -> None:
    said = list(install.install())
    places = folders(find())
    dissector = places["Personal Lua Plugins"] / "xen_migration.lua"
    own = places["Personal configuration"] / "profiles" / "xenmig"
    assert installed(home) == sorted([dissector, *(own / name for name in profile.files())])
    assert [line for line in said if line.startswith("wrote")] == [
        f"wrote  {path}" for path in (dissector, *(own / name for name in profile.files()))
    ]
    if find().runs_lua:
        assert list(install.check())[-1] == "Wireshark loads it."
    else:
        with pytest.raises(UserError, match="no Lua as root"):
            list(install.check())

    assert len([line for line in install.uninstall() if line.startswith("removed")]) == len(profile.files()) + 1
    assert installed(home) == [] and not own.exists()
    with pytest.raises(UserError, match=r"is missing: run `xenshark lua --install`"):
        list(install.check())


def test_another_version_is_noticed_and_replaced(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(install.install())
    current = {path: path.read_bytes() for path in installed(home)}
    names = list(profile.files())
    with monkeypatch.context() as older:
        older.setattr(install, "__version__", "0.0.1")
        older.setattr(generate, "dissector", lambda: "-- less\n")
        older.setattr(profile, "files", lambda: dict.fromkeys(names, "# less\n"))
        list(install.install())
    assert all(path.read_bytes() != octets for path, octets in current.items())
    with pytest.raises(UserError, match="is stale"):
        list(install.check())
    list(install.install())
    assert {path: path.read_bytes() for path in installed(home)} == current, "and nothing beside it"


def test_what_the_user_changed_is_not_lost(home: Path) -> None:
    list(install.install())
    current = {path: path.read_bytes() for path in installed(home)}
    for path in current:
        with path.open("a") as file:
            file.write("# my own\n")
    edited = {path: path.read_bytes() for path in current}
    with pytest.raises(UserError, match="is edited: run `xenshark lua --install`"):
        list(install.check())

    said = list(install.uninstall())
    assert sorted(said) == sorted(f"left    {path}, which was changed since" for path in current)
    assert {path: path.read_bytes() for path in installed(home)} == edited

    for end in (".bak", ".bak2"):
        for path, octets in edited.items():
            path.write_bytes(octets)
        said = list(install.install())
        for path, octets in edited.items():
            beside = path.with_name(path.name + end)
            assert f"wrote  {path}; what you had changed is in {beside}" in said
            assert (path.read_bytes(), beside.read_bytes()) == (current[path], octets)


def test_a_mark_without_a_digest(home: Path) -> None:
    """As it once was: what follows it is all that tells."""
    list(install.install())
    for path in installed(home):
        _, _, body = path.read_text().partition("\n")
        path.write_text(f"# {install.MARK}, xenshark 0.0.1; --uninstall removes this file.\n{body}")
    colours = next(path for path in installed(home) if path.name == "colorfilters")
    colours.write_text(colours.read_text() + "# my own\n")
    list(install.uninstall())
    assert installed(home) == [colours]


def test_no_home(home: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then Wireshark's folders are below the current one, whichever that is."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("HOME", "")
    for action in ("--install", "--uninstall", "--check"):
        assert "set HOME" in shell.complaint("lua", action)
    assert installed(home) == []


def test_what_is_not_from_xenshark_stays(home: Path) -> None:
    list(install.install())
    dissector = next(path for path in installed(home) if path.name == "xen_migration.lua")
    colours = next(path for path in installed(home) if path.name == "colorfilters")
    colours.write_text("# my own\n")
    assert f"left   {colours}, which was changed since" in list(install.install())
    dissector.write_text("-- my own\n")
    with pytest.raises(UserError, match="not from xenshark: move it away"):
        list(install.install())
    with pytest.raises(UserError, match="not from xenshark: move it away"):
        list(install.check())
    list(install.uninstall())
    assert installed(home) == sorted([dissector, colours])
    assert (dissector.read_text(), colours.read_text()) == ("-- my own\n", "# my own\n")


def test_a_dissector_that_fails_is_noticed(home: Path) -> None:
    list(install.install())
    other = next(path for path in installed(home) if path.name == "xen_migration.lua").with_name("other.lua")
    other.write_text('Proto("xenmig", "the same name")\n')
    with pytest.raises(UserError, match="Wireshark complains" if find().runs_lua else "no Lua as root"):
        list(install.check())


def test_an_ordinary_user_s_wireshark_loads_it(home: Path) -> None:
    """Whoever runs this test."""
    list(install.install())
    with isolated(find(os.path.realpath(find().path))) as folder:
        shutil.copytree(home, folder / "home", dirs_exist_ok=True)
        words = [str(folder / "tshark"), "-G", "protocols"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert complaints((folder / "stderr").read_text()) == []
    assert "\txenmig\t" in done.stdout or "\txenmig\n" in done.stdout


def test_no_tshark(shell: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for action in ("--install", "--uninstall", "--check"):
        assert "tshark was not found" in shell.complaint("lua", action)


@pytest.mark.parametrize("release", RELEASES)
def test_the_profile_is_one(release: str, tmp_path: Path) -> None:
    """Wireshark knows every filter in it, and takes the profile without complaint."""
    tshark = wireshark_of(release)
    with isolated(tshark) as folder:
        own = folder / "home" / ".config" / "wireshark" / "profiles" / profile.NAME
        own.mkdir(parents=True)
        for name, text in profile.files().items():
            (own / name).write_text(text)
        script = folder / "xen_migration.lua"
        script.write_text(generate.dissector())
        filters = [rule.filter for rule in (*profile.COLOURS, *profile.BUTTONS)]
        empty = folder / "empty.pcap"
        empty.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
        for wanted in filters:
            words = [str(folder / "tshark"), "-C", profile.NAME, "-X", f"lua_script:{script}", "-r", str(empty)]
            done = subprocess.run([*words, "-Y", wanted], capture_output=True, text=True, check=False)
            assert done.returncode == 0, wanted
        assert complaints((folder / "stderr").read_text()) == []


@pytest.mark.parametrize(
    ("printed", "lua"),
    [
        (
            "TShark (Wireshark) 4.0.17 (Git)\n\nCompiled with GLib 2.74.6, with PCRE2,\nwith Lua\n5.2.4, with GnuTLS",
            "5.2",
        ),
        ("TShark (Wireshark) 4.6.9.\n\nCompiled\n  +GLib 2.86.0  +GnuTLS 3.8.10\n  +Lua 5.4.9   +PCRE2", "5.4"),
        ("TShark (Wireshark) 4.6.9.\n\nCompiled\n  +GLib 2.86.0  -Lua          +PCRE2", None),
        ("TShark (Wireshark) 4.2.5 (Git)\n\nCompiled with GLib 2.74.6, without Lua, with PCRE2", None),
    ],
    ids=("a sentence", "a list", "a list without", "a sentence without"),
)
def test_how_a_version_says_that_it_has_lua(printed: str, lua: str | None, tmp_path: Path) -> None:
    """4.6 lists what it is built with."""
    program = tmp_path / "tshark"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}\nEND\n")
    program.chmod(0o755)
    assert find(str(program)).lua == lua


@pytest.mark.parametrize("release", RELEASES)
def test_the_profile_shows_a_migration_on_a_port_of_others(release: str, tmp_path: Path) -> None:
    """X11 has 6000, and Wireshark asks it first: not so in the profile."""
    with unpacked(OWN / "violations" / "none" / "none.pcap.zst", tmp_path) as plain:
        octets = bytearray(plain.read_bytes())
    at, ports = 24, 24 + 16 + 14 + 20
    server = octets[ports + 2 : ports + 4]
    while at < len(octets):
        for place in (at + 16 + 14 + 20, at + 16 + 14 + 22):
            if octets[place : place + 2] == server:
                octets[place : place + 2] = (6000).to_bytes(2, "big")
        at += 16 + int.from_bytes(octets[at + 8 : at + 12], "little")
    tshark = wireshark_of(release)
    with isolated(tshark) as folder:
        own = folder / "home" / ".config" / "wireshark" / "profiles" / profile.NAME
        own.mkdir(parents=True)
        for name, text in profile.files().items():
            (own / name).write_text(text)
        (folder / "xen_migration.lua").write_text(generate.dissector())
        (folder / "capture").write_bytes(octets)
        words = [
            str(folder / "tshark"),
            "-X",
            f"lua_script:{folder / 'xen_migration.lua'}",
            "-r",
            str(folder / "capture"),
        ]
        shown = [
            subprocess.run([*words, *more, "-Y", "xenmig.item"], capture_output=True, text=True, check=True).stdout
            for more in ((), ("-C", profile.NAME))
        ]
    assert not shown[0] and "POSTCOPY_FAULT" in shown[1]


def test_the_check_says_what_hides_a_migration(home: Path) -> None:
    list(install.install())
    if not find().runs_lua:
        pytest.skip("no Lua as root in this Wireshark")
    said = list(install.check())
    assert profile.HEURISTIC_FIRST in said[-2]
    preferences = folders(find())["Personal configuration"] / "preferences"
    preferences.parent.mkdir(parents=True, exist_ok=True)
    preferences.write_text(f"{profile.HEURISTIC_FIRST}: TRUE\n")
    assert not any(profile.HEURISTIC_FIRST in line for line in install.check())


@pytest.mark.parametrize("is_there", [True, False])
def test_nothing_is_written_through_a_link(home: Path, is_there: bool) -> None:
    list(install.install())
    dissector = next(path for path in installed(home) if path.name == "xen_migration.lua")
    elsewhere = home / "elsewhere"
    octets = dissector.read_bytes()
    if is_there:
        dissector.rename(elsewhere)
    else:
        dissector.unlink()
    dissector.symlink_to(elsewhere)
    with pytest.raises(UserError, match="not from xenshark: move it away"):
        list(install.install())
    assert any(line.startswith(f"left    {dissector}") for line in install.uninstall())
    assert dissector.is_symlink() and elsewhere.exists() == is_there
    assert not is_there or elsewhere.read_bytes() == octets


def test_what_was_changed_is_put_over_no_link(home: Path) -> None:
    list(install.install())
    dissector = next(path for path in installed(home) if path.name == "xen_migration.lua")
    dissector.write_bytes(dissector.read_bytes() + b"-- my own\n")
    link = dissector.with_name("xen_migration.lua.bak")
    link.symlink_to(home / "elsewhere")
    list(install.install())
    assert link.is_symlink() and dissector.with_name("xen_migration.lua.bak2").read_bytes().endswith(b"-- my own\n")
