"""Findings that show their place, and `read` that opens it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from capturing import XENSHARK
from shell import Shell

from dissector.cli import main
from dissector.rules import RULES

pytest_plugins = ("shell",)

HERE = Path(__file__).parents[2] / "captures"
UNKNOWN_PFN = str(HERE / "violations/unk_pfn/unk_pfn.pcap.zst")
DROPS = str(next(HERE.glob("postcopy/c3_capture_drops/*drops.pcap*")))


def test_a_finding_shows_its_record_its_neighbours_and_its_octets(shell: Shell) -> None:
    """The entry's eight octets are marked, whose pfn is the one that the finding names; consequences come last."""
    status, out, _ = shell.run("check", "-C", "1", UNKNOWN_PFN)
    lines = out.splitlines()
    assert status == 1
    assert lines[0] == "error[postcopy-page-not-announced] pfn 0x81 was never announced as backed"
    assert "record 28, POSTCOPY_PAGE_DATA, entry 5 of 64" in lines[1]
    assert [int(line.split()[1]) for line in lines if re.match(r"  [>|] +\d+ +\d", line)] == [27, 28, 29]
    mark = next(number for number, line in enumerate(lines) if "^^" in line)
    begin, end = lines[mark].index("^"), lines[mark].rindex("^") + 1
    assert bytes.fromhex(lines[mark - 1][begin:end]) == (0x81).to_bytes(8, "little")
    follows = lines.index("what follows from that:")
    assert "error[truncated-stream]" in lines[follows + 1]
    assert not any("what follows" in line for line in lines[:mark])


def test_the_command_that_a_finding_prints_opens_it(shell: Shell) -> None:
    """Its number, its record's number, a packet and an octet of it lead to the same record."""
    _, out, _ = shell.run("check", UNKNOWN_PFN)
    command = next(line.partition("= xenshark ")[2] for line in out.splitlines() if "read --at finding:1" in line)
    by_finding = shell.lines(*shlex.split(command))
    finding = json.loads(shell.run("check", "--json", UNKNOWN_PFN)[1].splitlines()[0])
    assert int(by_finding[0].split()[0]) == finding["number"]
    for place in (str(finding["number"]), f"offset:{finding['offset']}"):
        assert shell.lines("read", "-x", "--at", place, "--direction", "forward", UNKNOWN_PFN) == by_finding
        for name in ("--raw", "--hex"):
            assert shell.lines("read", name, "--at", place, "--direction", "forward", UNKNOWN_PFN) == by_finding
    shown = shell.lines("read", "--at", f"frame:{finding['frame']}", UNKNOWN_PFN)
    assert by_finding[0] in shown
    kept = [line.split("  ")[5] for line in by_finding if re.match(r" {8}[0-9a-f]{4}  ", line)]
    assert bytes.fromhex(kept[3])[8:16] == (0x81).to_bytes(8, "little")
    assert "octets more, which are not kept" in by_finding[-1]


def test_context_is_marked(shell: Shell) -> None:
    """As many records before and after as were asked for; each has the number it has without."""
    lines = shell.lines("read", "--at", "28", "-C", "2", UNKNOWN_PFN)
    assert [(line[0], int(line[1:].split()[0])) for line in lines] == [
        (" ", 26),
        (" ", 27),
        (">", 28),
        (" ", 29),
    ] + [(" ", 30)] * (len(lines) - 4)
    everything = shell.lines("read", UNKNOWN_PFN)
    assert [int(line.split()[0]) for line in everything] == list(range(1, len(everything) + 1))
    assert [line[2:] for line in lines] == everything[25:30]


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("finding:9999", "has no finding 9999"),
        ("9999999", "has no record at number 9999999"),
        ("pfn:1", "is no place"),
        ("x", "is no place"),
    ],
)
def test_a_place_that_is_not_there(shell: Shell, place: str, says: str) -> None:
    assert says in shell.complaint("read", "--at", place, UNKNOWN_PFN)


def test_the_first_of_what_is_asked_for(shell: Shell) -> None:
    whole = shell.lines("read", UNKNOWN_PFN)
    assert shell.lines("read", "-c", "3", UNKNOWN_PFN) == whole[:3]
    assert shell.lines("read", "-c", "999", UNKNOWN_PFN) == whole
    faults = shell.lines("read", "--type", "POSTCOPY_FAULT", UNKNOWN_PFN)
    assert len(faults) > 2 and shell.lines("read", "-c", "2", "--type", "POSTCOPY_FAULT", UNKNOWN_PFN) == faults[:2]
    around = shell.lines("read", "-c", "1", "--type", "POSTCOPY_FAULT", "-C", "1", UNKNOWN_PFN)
    at = whole.index(faults[0])
    assert [line[2:] for line in around] == whole[at - 1 : at + 2]
    assert len(shell.lines("read", "--json", "-c", "1", UNKNOWN_PFN)) == 1
    both = shell.lines("read", "-c", "1", UNKNOWN_PFN, UNKNOWN_PFN)
    assert [line for line in both if line] == 2 * [f"==> {UNKNOWN_PFN} <==", whole[0]]


def test_what_is_the_same_of_many_records_is_said_once(shell: Shell) -> None:
    """A lossy capture has a note for each gap."""
    _, out, _ = shell.run("check", DROPS)
    _, lines, _ = shell.run("check", "--format", "concise", DROPS)
    notes = lines.count("note capture-gap")
    assert notes > 10
    shown = out.count("note[capture-gap]")
    assert shown <= 2  # one a direction
    assert sum(int(one.replace(",", "")) for one in re.findall(r"= ([\d,]+) findings? more", out)) + shown >= notes
    assert out.splitlines()[-1] == lines.splitlines()[-1]


def test_what_to_do_is_said_once(shell: Shell) -> None:
    """In full, below the last finding of a rule that is shown, and not again where another rule has the same advice."""
    _, out, _ = shell.run("check", UNKNOWN_PFN)
    said = " ".join(out.split())
    advice = RULES["postcopy-page-not-announced"].advice
    assert said.count(f"= what to do: {advice}") == said.count("= what to do:") == 1
    assert max(len(line) for line in out.splitlines() if "what to do" in line) <= 100
    for form in ("concise", "json", "github"):
        assert "what to do" not in shell.run("check", "--format", form, UNKNOWN_PFN)[1]
    sarif = json.loads(shell.run("check", "--format", "sarif", UNKNOWN_PFN)[1])
    helps = {one["id"]: one["help"]["text"] for one in sarif["runs"][0]["tool"]["driver"]["rules"]}
    assert all(RULES[rule].advice in text for rule, text in helps.items()) and helps


def test_sarif(shell: Shell) -> None:
    """What SARIF 2.1.0 (3.13 to 3.27) requires of a log, and the findings of `--json` in it."""
    status, out, err = shell.run("check", "--format", "sarif", UNKNOWN_PFN, "/nowhere")
    log = json.loads(out)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (status, log["version"], driver["name"]) == (2, "2.1.0", "xenshark")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    found = [json.loads(line) for line in shell.run("check", "--json", UNKNOWN_PFN)[1].splitlines()]
    assert [one["properties"] | {"file": UNKNOWN_PFN} for one in run["results"]] == found
    for one in run["results"]:
        assert ids[one["ruleIndex"]] == one["ruleId"]
        assert one["level"] in ("error", "warning", "note") and one["message"]["text"]
        (location,) = one["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"].endswith("unk_pfn.pcap.zst")
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "/nowhere" in err and "/nowhere" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_annotations_of_github(shell: Shell) -> None:
    """One workflow command a finding, on one line, with what steers it escaped."""
    lines = shell.run("check", "--format", "github", UNKNOWN_PFN)[1].splitlines()
    assert len(lines) == 3
    for line in lines:
        assert re.fullmatch(r"::error file=[^:,]+,title=[a-z0-9-]+::record \d+, forward: .+", line)


def test_nothing_is_left_to_check(shell: Shell) -> None:
    """Options that cancel each other are a mistake, no clean bill."""
    said = shell.complaint("check", "--select", "truncated-stream", "--ignore", "truncated-*", UNKNOWN_PFN)
    assert "leave no rule" in said


@pytest.mark.parametrize("command", ["analyze", "faults", "read", "check"])
def test_interrupted_it_prints_what_was_seen(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the first records: their summary, and the exit status that a shell gives SIGINT."""
    from dissector.engine import Engine

    steps = Engine._release_some

    def interrupt(engine: Engine, frame: int) -> None:
        steps(engine, frame)
        if frame >= 110:
            raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "_release_some", interrupt)
    assert main([command, UNKNOWN_PFN]) == 130
    out, err = capsys.readouterr()
    assert out and ("interrupted" in err) == (command != "read")  # whose lines say how far it came


def test_a_file_alone_is_analyzed(shell: Shell) -> None:
    assert shell.lines(UNKNOWN_PFN) == shell.lines("analyze", UNKNOWN_PFN)
    said = "xenshark: cannot open /nowhere/at/all.pcap: No such file or directory\n"
    assert shell.complaint("/nowhere/at/all.pcap") == shell.complaint("/nowhere/at/all.pcap", "--json") == said
    for words in (("",), ("analyze", ""), ("check", "")):
        assert shell.complaint(*words) == "xenshark: cannot open '': No such file or directory\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--bogus FILE", "there is no option --bogus before a command (see "),
        ("--json=1 FILE", "there is no option --json before a command (see "),
        ("-Y x FILE", "there is no option -Y before a command (see "),
        ("anlyze FILE", "there is no command and no file anlyze; did you mean analyze? (see "),
        ("words", "there is no command and no file words (see "),
    ],
)
def test_what_is_no_command_is_named(words: str, says: str, shell: Shell) -> None:
    complaint = shell.complaint(*(UNKNOWN_PFN if word == "FILE" else word for word in words.split()))
    assert complaint.startswith(f"xenshark: {says}") and UNKNOWN_PFN not in complaint


def test_a_record_that_is_hidden_is_not_missing(shell: Shell) -> None:
    by_name = {one["name"]: one["number"] for one in shell.objects(UNKNOWN_PFN)}
    fault, end = by_name["POSTCOPY_FAULT"], by_name["POSTCOPY_TRANSITION"]
    is_there = "has a record at number {}, but it is none that {} asks for\n"
    for options, hiding in (
        (("-Y", "name == POSTCOPY_FAULT"), "-Y"),
        (("--type", "POSTCOPY_FAULT"), "--type"),
        (("--direction", "reverse"), "--direction"),
        (("--direction", "reverse", "-Y", "item"), "-Y or --direction"),
        (("--from", "99999"), "--from"),
    ):
        assert shell.complaint("read", *options, "--at", str(end), UNKNOWN_PFN).endswith(is_there.format(end, hiding))
        assert shell.complaint("read", *options, "--at", "99999", UNKNOWN_PFN).endswith(
            "has no record at number 99999\n"
        )
        if hiding != "--from":
            places = ("--at", str(fault), "--at", f"{end}")
            assert shell.lines("read", *options, *places[:2], UNKNOWN_PFN)
            status, out, err = shell.run("read", *options, *places, UNKNOWN_PFN)
            assert status == 2 and out.count("\n") == 1 and is_there.format(end, hiding) in err
    assert "has no migration 7" in shell.complaint("read", "--migration", "7", "--at", str(end), UNKNOWN_PFN)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("guest -Y x FILE", "guest has no option -Y; read, faults and check take filters"),
        ("guest -T fields FILE", "guest has no option -T; read, faults and check print fields"),
        ("check --slowest 3 FILE", "check has no option --slowest (see xenshark check --help)"),
        ("analyze FILE --nonsense", "analyze has no option --nonsense (see xenshark analyze --help)"),
    ],
)
def test_an_unknown_option_is_named(shell: Shell, words: str, says: str) -> None:
    """And no file that stands beside it."""
    said = shell.complaint(*words.replace("FILE", UNKNOWN_PFN).split())
    assert says in said and UNKNOWN_PFN not in said


def test_help_explains_every_phase(shell: Shell) -> None:
    _, out, _ = shell.run("analyze", "--help")
    from dissector.protocol import PHASES

    assert all(f"\n  {phase} " in out for phase in PHASES)


def test_several_places(shell: Shell) -> None:
    """Each of them, once; one that is not there is named."""
    lines = shell.lines("read", "--at", "5", "--at", "7", "--at", "5", "--at", "finding:1", UNKNOWN_PFN)
    assert [int(line.split()[0]) for line in lines] == [5, 7, 28]
    status, out, err = shell.run("read", "--at", "5", "--at", "9999", UNKNOWN_PFN)
    assert (status, out.count("\n")) == (2, 1) and "has no record at number 9999" in err


def test_habits_of_other_programs(shell: Shell) -> None:
    """Those of git, and of tshark: what was meant is done, or said."""
    assert shell.lines("help", "check") == shell.lines("check", "--help")
    assert shell.lines("help") == shell.lines("--help")
    assert shell.lines("version") == shell.lines("--version")
    assert "analyze has no option -r; FILE stands by itself" in shell.complaint("-r", UNKNOWN_PFN)


def test_what_is_asked_for_in_vain_is_said(shell: Shell) -> None:
    assert "--full is of -V and -x" in shell.complaint("read", "--full", UNKNOWN_PFN)
    status, out, err = shell.run("read", "--from", "1000", UNKNOWN_PFN)
    assert (status, out) == (0, "") and "nothing that was asked for ended in this time" in err


def test_a_layer_is_a_type(shell: Shell) -> None:
    every, xl = shell.lines("read", UNKNOWN_PFN), shell.lines("read", "--type", "xl", UNKNOWN_PFN)
    assert xl and xl == [line for line in every if line.split()[3] == "xl"]


def test_where_nothing_can_be_written_the_status_says_it() -> None:
    """Help to a full disk, a complaint to one: 2, as any other output."""
    for words in (["--help"], ["read", "--help"], ["read", UNKNOWN_PFN], ["analyze", "none.pcap"]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([*XENSHARK, *words], stdout=full, stderr=full, check=False)
        assert done.returncode == 2, words
