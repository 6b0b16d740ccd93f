"""`-Y`, `-T` and `-e` of read, faults and check, on genuine captures."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import OWN, REPOSITORY, captures_in
from streams import libxc_stream, libxl_stream, xl_stream

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

CAPTURES = captures_in(OWN)
CAPTURE = str(CAPTURES["postcopy/c_netem/veth_rx.pcap"])
WRONG = str(CAPTURES["violations/unk_pfn/unk_pfn.pcap"])


def test_read_prints_what_a_filter_chooses(shell: Shell) -> None:
    everything = shell.objects(CAPTURE)

    def numbers(expression: str) -> list[int]:
        return [int(one["number"]) for one in shell.objects("-Y", expression, CAPTURE)]

    def waited(one: dict[str, Any]) -> bool:
        answers = one["fields"].get("answers", [])
        return any(answer["latency"] > 0.1 and not answer["in_flight"] for answer in answers)

    assert numbers("fault.latency > 0.1") == [one["number"] for one in everything if waited(one)] != []
    listed = [one["number"] for one in everything if _lists(one, range(0x3F0, 0x400))]
    assert numbers("pfn in {0x3f0..0x3ff}") == listed != []
    assert numbers("not layer == libxc") == [one["number"] for one in everything if one["layer"] != "libxc"]
    found = {one["number"] for one in shell_findings(shell, CAPTURE) if one["rule"] == "postcopy-fault-after-page"}
    assert numbers('rule == "postcopy-fault-after-page"') == sorted(found) != []
    lines = shell.lines("read", "-Y", "name == END", "-C", "1", CAPTURE)
    assert [line[0] for line in lines] == [" ", ">", ">", " "]


def _lists(one: dict[str, Any], pfns: range) -> bool:
    runs = one["fields"].get("pages", [])
    return any(first < pfns.stop and pfns.start < first + count for first, count, _ in runs)


def shell_findings(shell: Shell, path: str) -> list[dict[str, Any]]:
    _, out, _ = shell.run("check", "--all", "--json", path)
    return [json.loads(line) for line in out.splitlines()]


def test_columns(shell: Shell) -> None:
    chosen = ("-Y", "fault.in_flight == 1", "-e", "number", "-e", "fault.pfn", "-e", "fault.in_flight", CAPTURE)
    plain = shell.lines("read", "-T", "fields", *chosen)
    assert plain == shell.lines("read", *chosen) and len(plain) == 10
    assert plain[0].split("\t") == ["22", "0x0000000000000100", "True"]
    head, *rows = shell.lines("read", "-E", "header=y", "-E", "separator=;", "-E", "occurrence=f", *chosen)
    assert head == "xenmig.number;xenmig.fault.pfn;xenmig.fault.in_flight"
    assert rows == [";".join(cell.split(",")[0] for cell in line.split("\t")) for line in plain]
    table = list(csv.reader(io.StringIO("\n".join(shell.lines("read", "-T", "csv", *chosen)))))
    assert table == [head.split(";"), *(line.split("\t") for line in plain)]
    assert shell.lines("read", "-T", "tsv", *chosen) == ["\t".join(head.split(";")), *plain]
    objects = [json.loads(line) for line in shell.lines("read", "-T", "jsonl", *chosen)]
    assert objects[0] == {"xenmig.number": [22], "xenmig.fault.pfn": [0x100], "xenmig.fault.in_flight": [True]}
    assert json.loads("\n".join(shell.lines("read", "-T", "json", *chosen))) == objects
    assert json.loads("\n".join(shell.lines("read", "-T", "json", CAPTURE))) == shell.objects(CAPTURE)
    assert json.loads("\n".join(shell.lines("read", "-T", "json", "-Y", "name == nothing", CAPTURE))) == []
    assert shell.lines("read", "-T", "csv", CAPTURE)[0].startswith("xenmig.number,xenmig.time,")


def test_faults(shell: Shell) -> None:
    everything = [json.loads(line) for line in shell.lines("faults", "--json", CAPTURE)]
    slow = [json.loads(line) for line in shell.lines("faults", "--json", "-Y", "fault.latency > 0.1", CAPTURE)]
    assert slow == [one for one in everything if one["latency"] > 0.1 and not one["in_flight"]] != []
    head, *rows = shell.lines("faults", "-T", "csv", CAPTURE)
    cells = [dict(zip(head.split(","), row.split(","), strict=True)) for row in rows]
    assert [int(one["xenmig.fault.pfn"], 16) for one in cells] == [one["pfn"] for one in everything]
    assert [one["xenmig.fault.in_flight"] for one in cells] == [str(one["in_flight"]) for one in everything]


def test_check(shell: Shell) -> None:
    everything = shell_findings(shell, WRONG)
    status, out, err = shell.run("check", "--json", "-Y", "severity == error and name == POSTCOPY_PAGE_DATA", WRONG)
    assert (status, err) == (1, "")
    chosen = [one for one in everything if one["severity"] == "error" and one["record"] == "POSTCOPY_PAGE_DATA"]
    assert [json.loads(line) for line in out.splitlines()] == chosen != []
    status, out, _ = shell.run("check", "-Y", "severity == error and frame.number > 100000", WRONG)
    assert (status, out) == (0, "0 errors, 0 warnings, 0 notes\n")


def test_columns_of_findings(shell: Shell) -> None:
    everything = shell_findings(shell, WRONG)
    keys = {"severity": "severity", "rule": "rule", "number": "number", "name": "record", "message": "message"}
    asked = [word for name in keys for word in ("-e", name)]
    status, out, err = shell.run("check", "--all", "-T", "csv", *asked, WRONG)
    assert (status, err) == (1, "")
    head, *rows = csv.reader(io.StringIO(out))
    assert head == [f"xenmig.{name}" for name in keys]
    wanted = [["" if one[key] is None else str(one[key]) for key in keys.values()] for one in everything]
    assert rows == wanted != []
    lines = shell.run("check", "--all", *asked[:4], WRONG)[1].splitlines()
    assert lines == [f"{one['severity']}\t{one['rule']}" for one in everything], "-T fields by itself, and no tally"
    whole = shell.run("check", "--all", "-T", "json", WRONG)[1]
    assert json.loads(whole) == [
        json.loads(line) for line in shell.run("check", "--all", "--json", WRONG)[1].splitlines()
    ]
    assert "not allowed with" in shell.complaint("check", "-T", "csv", "--format", "sarif", WRONG)
    assert "a finding has no such field" in shell.complaint("check", "-e", "pfn", WRONG)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("read", "-Y", "nam == END"), "a record has no field nam; did you mean name?"),
        (("faults", "-Y", "count > 1"), "a faulted pfn has no field count: records have it, see xenshark read"),
        (("check", "-Y", "pfn == 1"), "a finding has no field pfn: records have it, see xenshark read"),
    ],
)
def test_a_wrong_filter(shell: Shell, words: tuple[str, ...], said: str) -> None:
    status, out, err = shell.run(*words, CAPTURE)
    first, expression, mark = err.splitlines()
    assert (status, out, first) == (2, "", f"xenshark: {said}")
    name = words[-1].split()[0]
    assert expression.strip() == words[-1] and mark.strip() == "^" + "~" * (len(name) - 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("read", "-T", "fields"), "-T fields wants columns"),
        (("read", "-e", "nothing"), "-e nothing: a record has no such field"),
        (("read", "-E", "header=y"), "-E is of -T fields"),
        (("read", "-T", "csv", "-E", "header=y"), "not of -T csv"),
        (("read", "-e", "name", "-E", "header=x"), "header is one of y, n"),
        (("read", "-e", "name", "-E", "separator=ab"), "separator is one character"),
        (("read", "-e", "name", "-E", "foo=1"), "give one of header"),
        (("read", "-T", "csv", "-x"), "-x and --full are of lines"),
        (("read", "-T", "xml"), "invalid choice"),
        (("read", "-T", "csv", "--json"), "not allowed with"),
        (("analyze", "-Y", "name"), "read, faults and check take filters"),
    ],
)
def test_wrong_columns(shell: Shell, words: tuple[str, ...], said: str) -> None:
    assert said in shell.complaint(*words, CAPTURE)


def test_a_filter_for_rules_reads_twice(shell: Shell) -> None:
    words = [sys.executable, "-m", "dissector", "read", "-Y", "rule", "-"]
    octets = Path(shell_file(shell)).read_bytes()
    done = subprocess.run(words, input=octets, cwd=REPOSITORY, capture_output=True, check=False)
    said = b"xenshark: xenmig.rule reads the input twice, which standard input cannot be\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", said)


def shell_file(shell: Shell) -> str:
    """A saved stream whose configuration would steer a terminal."""
    config = '{"c_info": {"name": "\x1b]0;x\x07\tevil\n"}}\0'
    return shell.file(xl_stream(libxl_stream(libxc_stream([])), config))


@pytest.mark.parametrize("command", ["read", "faults", "check"])
def test_fields_are_listed(shell: Shell, command: str) -> None:
    lines = shell.lines(command, "--fields")
    assert any(line.startswith("xenmig.migration ") for line in lines) and all(len(line.split()) > 1 for line in lines)


def test_text_of_a_guest_steers_no_terminal_and_no_table(shell: Shell) -> None:
    for form in ("fields", "csv", "tsv", "json"):
        out = shell.run("read", "-T", form, "-e", "number", "-e", "xl_header.config", shell_file(shell))[1]
        assert "x1b" in out or "u001b" in out
        assert all(one.isprintable() or one in "\t\n" for one in out)
        assert form != "fields" or all(line.count("\t") == 1 for line in out.splitlines())
