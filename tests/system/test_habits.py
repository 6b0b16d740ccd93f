"""What people expect of a command: colours, a pager, completion, a manual page, a file of settings."""

from __future__ import annotations

import errno
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest
from conftest import OWN, REPOSITORY, captures_in

from dissector.cli import COMMANDS, PEOPLE, terminal

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

COMMAND = (sys.executable, "-m", "dissector")
CAPTURE = str(captures_in(OWN)["violations/unk_pfn/unk_pfn.pcap"])
SGR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(*words: str, **environment: str) -> tuple[int, str, str]:
    """Exit status, and what stands on a terminal and on standard error, which is none."""
    main, other = pty.openpty()
    given = {**os.environ, "TERM": "xterm", "PAGER": "cat", "COLUMNS": "80", "LINES": "24", **environment}
    with subprocess.Popen(
        [*COMMAND, *words], cwd=REPOSITORY, stdin=other, stdout=other, stderr=subprocess.PIPE, env=given
    ) as process:
        os.close(other)
        seen = b""
        while True:
            try:
                piece = os.read(main, 1 << 16)
            except OSError:  # how Linux says that nobody has the other side any more
                break
            if not piece:
                break
            seen += piece
        os.close(main)
        assert process.stderr is not None
        errors = process.stderr.read().decode()
        status = process.wait(60)
    return status, seen.decode().replace("\r\n", "\n"), errors


# Colours


def test_what_people_look_at_has_colours() -> None:
    assert set(terminal.STYLES) == set(PEOPLE)


@pytest.mark.parametrize("words", [("read", "-V"), ("check",), ("faults",), ("analyze",), ("rules",)], ids=str)
def test_colours_are_around_the_same_text(shell: Shell, words: tuple[str, ...]) -> None:
    """They change nothing else, and are there on a terminal or where they are asked for."""
    words = (*words, CAPTURE) if words != ("rules",) else words
    status, plain, _ = shell.run(*words)
    assert "\x1b" not in plain
    _, painted, _ = shell.run(*words, "--color", "always")
    assert SGR.search(painted) and SGR.sub("", painted) == plain
    assert shell.run(*words, "--color", "never")[1] == plain
    if words[0] != "analyze":  # which is never as wide as that
        assert on_a_terminal(*words, COLUMNS="300") == (status, painted, "")
        assert on_a_terminal(*words, NO_COLOR="1", COLUMNS="300") == (status, plain, "")
    if words[0] != "analyze":
        assert on_a_terminal(*words, TERM="dumb") == (status, plain, "")


GUEST = str(captures_in(OWN)["postcopy/c_netem/veth_rx.pcap"])


@pytest.mark.parametrize(
    "words",
    [("read", CAPTURE), ("check", CAPTURE), ("faults", GUEST), ("analyze", GUEST), ("guest", GUEST), ("diff", GUEST)],
    ids=str,
)
@pytest.mark.parametrize("columns", [80, 100])
def test_lines_are_as_wide_as_the_terminal(shell: Shell, words: tuple[str, ...], columns: int) -> None:
    """Nothing is lost, and no word broken; what is to be copied is one line."""
    words = (*words, CAPTURE) if words[0] == "diff" else words
    _, plain, _ = shell.run(*words)
    _, shown, _ = on_a_terminal(*words, NO_COLOR="1", COLUMNS=str(columns))
    assert [word for word in shown.split() if word != "|"] == [word for word in plain.split() if word != "|"]
    wide = [line for line in shown.splitlines() if len(line) > columns]
    assert all(terminal.COMMAND.search(line) or len(line.split()) < 4 for line in wide), wide
    assert words[0] not in ("read", "check") or len(shown.splitlines()) > len(plain.splitlines())


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("help", "analyze"),
        ("check", "--help"),
        ("tap", "-h"),
        ("read", "--fields"),
        ("export", "--columns"),
    ],
    ids=str,
)
def test_what_is_listed_fits_a_terminal(shell: Shell, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Help, fields and columns too; into a file they go as they are."""
    monkeypatch.setenv("COLUMNS", "80")
    plain = "\n".join(shell.lines(*words))
    status, shown, _ = on_a_terminal(*words)
    assert status == 0 and shown.split() == plain.split()
    wide = [line for line in shown.splitlines() if len(line) > 80]
    assert all(terminal.COMMAND.search(line) or len(line.split()) < 2 for line in wide), wide


def test_what_follows_stands_below_its_column() -> None:
    line = "     3     0.011497 -> libxl         16  libxl header         version 2, little-endian"
    assert terminal.folded(line, 80) == [line[:-14], " " * 41 + "little-endian"]
    assert terminal.folded(line, len(line)) == [line]
    assert terminal.folded("  = " + "word " * 20, 80)[1] == "    word word word word word"
    place = "  |     27     0.871202 <- libxc         24  POSTCOPY_FAULT       1 pfn 0x82; answered in frame 137"
    assert terminal.folded(place, 80)[1].startswith("  |    ")


def test_faults_are_red_and_their_pages_green(shell: Shell) -> None:
    lines = shell.run("read", "--color", "always", CAPTURE)[1].splitlines()
    assert all("\x1b[31mPOSTCOPY_FAULT " in line for line in lines if " POSTCOPY_FAULT " in SGR.sub("", line))
    assert all("\x1b[32mPOSTCOPY_PAGE_DATA" in line for line in lines if " POSTCOPY_PAGE_DATA" in SGR.sub("", line))


def test_what_programs_read_has_none(shell: Shell) -> None:
    for words in (("read", "--json"), ("read", "-T", "csv"), ("check", "--format", "sarif"), ("analyze", "--json")):
        assert "\x1b" not in shell.run(*words, "--color", "always", CAPTURE)[1]


def test_text_is_as_wide_as_the_terminal() -> None:
    for columns in (80, 95):
        lines = on_a_terminal("analyze", "--color", "never", CAPTURE, COLUMNS=str(columns))[1].splitlines()[2:]
        assert columns - 15 < max(map(len, lines)) <= columns


# The pager


@pytest.fixture
def pager(tmp_path: Path) -> tuple[str, Path]:
    """A pager that keeps what it was given, and where."""
    program, kept = tmp_path / "pager", tmp_path / "kept"
    program.write_text(f'#!/bin/sh\n{{ echo "$LESS"; cat; }} > {kept}\n')
    program.chmod(0o755)
    return str(program), kept


def test_a_pager_gets_all_of_it_on_a_terminal(shell: Shell, pager: tuple[str, Path]) -> None:
    program, kept = pager
    assert on_a_terminal("check", CAPTURE, PAGER=program, LESS="R", COLUMNS="300") == (1, "", "")
    options, text = kept.read_text().split("\n", 1)
    assert text == shell.run("check", "--color", "always", CAPTURE)[1]
    kept.unlink()
    assert options == "R"
    for words in (("--no-pager",), ("--json",)):
        assert on_a_terminal("check", *words, CAPTURE, PAGER=program)[1]
        assert not kept.exists()
    subprocess.run([*COMMAND, "check", CAPTURE], cwd=REPOSITORY, env={**os.environ, "PAGER": program}, check=False)
    assert not kept.exists()


def test_what_is_wrong_is_said_behind_the_pager(pager: tuple[str, Path]) -> None:
    program, kept = pager
    status, text, errors = on_a_terminal("check", CAPTURE, "/nowhere", PAGER=program)
    assert (status, text) == (2, "") and "error[" in kept.read_text()
    assert errors == "xenshark: cannot open /nowhere: No such file or directory\n"


def test_a_pager_that_is_left_early_is_no_error(tmp_path: Path) -> None:
    program = tmp_path / "pager"
    program.write_text("#!/bin/sh\nhead -1 > /dev/null\n")
    program.chmod(0o755)
    assert on_a_terminal("read", "-V", "--full", CAPTURE, PAGER=str(program))[::2] == (0, "")


def test_an_interrupt_is_for_the_pager(tmp_path: Path) -> None:
    """As with git: who presses Ctrl-C in less goes on reading."""
    program, kept = tmp_path / "pager", tmp_path / "kept"
    program.write_text(f"#!/bin/sh\ncat > /dev/null\nkill -INT $PPID\nsleep 1\necho seen > {kept}\n")
    program.chmod(0o755)
    assert on_a_terminal("read", CAPTURE, PAGER=str(program)) == (0, "", "")
    assert kept.read_text() == "seen\n"


def test_a_pager_that_is_missing_is_none(shell: Shell) -> None:
    plain = shell.run("read", "--color", "always", CAPTURE)[1]
    assert on_a_terminal("read", CAPTURE, PAGER="/nowhere/less", COLUMNS="300") == (0, plain, "")


# Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XENSHARK_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "xenshark.toml"


def test_settings_come_before_the_command_line(shell: Shell, settings: Path) -> None:
    plain = shell.lines("read", CAPTURE)
    faults = [line for line in plain if " POSTCOPY_FAULT " in line]
    settings.write_text('[read]\ndisplay-filter = "name == POSTCOPY_FAULT"\ncolor = "never"\n[check]\nall = true\n')
    assert shell.lines("read", CAPTURE) == faults != plain
    assert shell.lines("read", "-Y", "item", CAPTURE) == plain
    assert shell.run("check", CAPTURE)[1] == shell.run("check", "--all", CAPTURE)[1]
    assert shell.run("faults", CAPTURE)[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[read", "is no TOML"),
        ("read = 1", "read is no table: write [read]"),
        ("[read]\ntim = 1", "[read] tim: there is no option --tim"),
        ("[read]\ntime = 'later'", "[read] time: 'later' is none of relative, "),
        ("[read]\njson = 'yes'", "[read] json: is true or false"),
        ("[read]\ncontext = -1", "[read] context: '-1' is no number of records"),
        ("[read]\ntime = true", "[read] time: is a text or a number"),
        ("[raed]\ntime = 'delta'", "there is no command raed"),
        ("color = 'never'", "there is no command color: tables are called as commands are"),
        ("[read]\ndisplay-filter = 'foo'", "[read] display-filter: a record has no field foo"),
        ("[read]\nfull = true", "[read] full: --full is of -V and -x"),
        ("[read]\njson = true\nverbose = true", "[read] verbose and json exclude each other: keep one of them"),
        ("[all]\njson = true\nverbose = true", "[all] verbose and json exclude each other: keep one of them"),
        ("[all]\ncolr = 'never'", "[all] colr: no command has an option --colr"),
        ("[all]\ncontext = -1", "[all] context: '-1' is no number of records"),
        ("[all]\ndisplay-filter = 'foo'", "[all] display-filter: a record has no field foo"),
    ],
)
def test_wrong_settings_are_named(shell: Shell, settings: Path, text: str, said: str) -> None:
    settings.write_text(text)
    _, _, complaint = shell.run("read", CAPTURE)
    first, *excerpt = complaint.splitlines()
    assert said in first and first.startswith(f"xenshark: {settings}") and len(excerpt) in (0, 2)
    for words in (("read", "--help"), ("read", "-h"), ("help", "read"), ("read", "--hel", CAPTURE), ("--help",)):
        assert shell.lines(*words)[0].startswith("usage: "), "help is there whatever is wrong"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[read]\njson = true\ncolor = 'never'", "read -V"),
        ("[read]\njson = true", "read -xV"),
        ("[read]\nverbose = true", "read -T csv"),
        ("[read]\nverbose = true", "read -Tcsv"),
        ("[read]\ndisplay-filter = 'foo'", "read -Y item"),
        ("[faults]\nslowest = 3", "faults --unanswered"),
        ("[faults]\nslowest = 3", "faults --unans"),
        ("[check]\nformat = 'concise'", "check --json"),
        ("[report]\noutput = '/nowhere/report'", "report --json"),
        ("[analyze]\njoin = true", "analyze --no-join"),
    ],
)
def test_the_command_line_wins(text: str, words: str, shell: Shell, settings: Path) -> None:
    """Also over what may not stand beside it."""
    plain = shell.run(*words.split(), CAPTURE)
    assert plain[2] == ""
    settings.write_text(text)
    assert shell.run(*words.split(), CAPTURE) == plain


def test_settings_for_every_command(shell: Shell, settings: Path) -> None:
    """They hold where a command has such an option, and its own table has the last word, also over what it excludes."""
    as_json = {name: shell.run(name, "--json", CAPTURE)[:2] for name in ("read", "check", "faults")}
    settings.write_text(
        "[all]\njson = true\nmin-severity = 'note'\n[faults]\njson = false\n[check]\nformat = 'concise'"
    )
    assert shell.run("read", CAPTURE)[:2] == as_json["read"]
    assert shell.run("faults", CAPTURE)[:2] != as_json["faults"]
    concise = shell.run("check", CAPTURE)
    assert concise[1].endswith("0 notes\n") and not concise[1].startswith("{")
    assert shell.run("read", "-V", CAPTURE)[1] != as_json["read"][1]
    assert shell.lines("completion", "bash"), "a command with none of these options"


def test_a_home_that_may_not_be_looked_at(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of user it is somebody else's: no settings are in it, and an input there cannot be opened."""
    real = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        if tmp_path in path.parents:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, **how)

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("XENSHARK_CONFIG", raising=False)
    monkeypatch.setattr(Path, "stat", stat)
    assert shell.run("check", str(captures_in(OWN)["violations/none/none.pcap"]))[0] == 0
    status, _, said = shell.run("analyze", str(tmp_path / "there"))
    assert (status, said.startswith("xenshark: cannot open")) == (2, True)


def test_settings_without_end(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XENSHARK_CONFIG", "/dev/zero")
    assert "cannot read /dev/zero: it has more than" in shell.complaint("read", CAPTURE)
    monkeypatch.setenv("XENSHARK_CONFIG", "/dev/null")
    assert shell.lines("read", CAPTURE)


def test_a_folder_in_the_place_of_settings(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XENSHARK_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "xenshark.toml").mkdir()
    assert "xenshark.toml: Is a directory" in shell.complaint("read", CAPTURE)


# Completion, the manual page, the version


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_completion_knows_commands_options_and_fields(shell: Shell, shell_name: str) -> None:
    script = "\n".join(shell.lines("completion", shell_name))
    for word in (*COMMANDS, "display-filter", "xenmig.fault.latency", "xenmig.tsc_info.khz"):
        assert word in script, word
    if shutil.which(shell_name) or os.environ.get("CI"):
        done = subprocess.run([shell_name, "-n"], input=script, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["xenshark", "rep"], {"report", "replay"}),
        (["xenshark", "read", "--disp"], {"--display-filter"}),
        (["xenshark", "read", "-e", "xenmig.fault.l"], {"xenmig.fault.latency", "xenmig.fault.lead"}),
        (["xenshark", "view", "-Y", "xenmig.fault.l"], {"xenmig.fault.latency", "xenmig.fault.lead"}),
        (["xenshark", "check", "-Y", "xenmig.sev"], {"xenmig.severity"}),
        (["xenshark", "check", "-e", "xenmig.sev"], {"xenmig.severity"}),
        (["xenshark", "rules", "capture-"], {"capture-cut", "capture-gap", "capture-starts-late"}),
        (["xenshark", "check", "--ignore", "postcopy-no"], {"postcopy-no-paging-ring", "postcopy-not-live"}),
        (["xenshark", "read", "--type", "POSTCOPY_P"], {"POSTCOPY_PAGE_DATA", "POSTCOPY_PFNS", "POSTCOPY_PFNS_BEGIN"}),
        (["xenshark", "replay", "capt"], {"captures"}),
        (["xenshark", "guest", "--symbols", "capt"], {"captures"}),
    ],
)
def test_bash_completes(shell: Shell, words: list[str], found: set[str]) -> None:
    ask = f"""
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        "$(complete -p xenshark | sed 's/.*-F \\([^ ]*\\).*/\\1/')" xenshark
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    script = "\n".join(shell.lines("completion", "bash")) + ask
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True)
    assert {line.strip() for line in done.stdout.splitlines()} == found


def test_the_manual_page_has_every_command_and_option(shell: Shell) -> None:
    page = "\n".join(shell.lines("manual"))
    sections = dict(zip(*[iter(re.split(r"^\.SS (.+)$", page, flags=re.M)[1:])] * 2, strict=True))
    assert set(sections) == set(COMMANDS)
    for name, text in sections.items():
        said = "\n".join(shell.lines(name, "--help"))
        for option in set(re.findall(r"^  (?:-\w(?: \S+)?, )?(--[a-z-]+)", said, re.M)) - {"--help"}:
            assert option.replace("-", r"\-") in text, (name, option)
    if shutil.which("man"):
        done = subprocess.run(["man", "--warnings", "-l", "-"], input=page, capture_output=True, text=True, check=False)
        assert done.stderr == ""


def test_a_wheel_has_the_manual_page(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built as pip does it, of what the repository holds, where construct and Cython are at hand already."""
    tree = tmp_path / "tree"
    shutil.copytree(REPOSITORY / "dissector", tree / "dissector", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tree)
    words = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(tree))
    subprocess.run([sys.executable, *words], env={**os.environ, "CC": "false", "COLUMNS": "40"}, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as file:
        (name,) = (one for one in file.namelist() if one.endswith("/share/man/man1/xenshark.1"))
        page = file.read(name).decode()
    assert page.splitlines() == shell.lines("manual")
    monkeypatch.setenv("COLUMNS", "200")
    assert page.splitlines() == shell.lines("manual")


def test_the_version_says_what_it_runs_with(shell: Shell) -> None:
    first, second = shell.lines("--version")
    assert first.startswith("xenshark ") and f"Python {sys.version.split()[0]}; construct " in second
    assert re.search(r"tshark at /\S+$|no tshark$", second)
