"""`xenshark export` and the library's tables: the same figures as `--json`, whole types, whole files."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import conversation
import pyarrow
import pytest
import talks
from conftest import OWN, Case, captures_in
from conversation import HOSTS, Wire, packets
from pyarrow import ipc, parquet
from shell import Shell
from streams import entry, pages

import dissector
from dissector import analysis
from dissector.capture.formats import NANOSECONDS
from dissector.capture.writer import pcap_header
from dissector.events import FORWARD
from dissector.library import TableName
from dissector.results.base import Result, Seconds, Unit
from dissector.tables import arrow
from dissector.tables.columns import Column, columns
from dissector.tables.rows import OF_A_MIGRATION, TABLES

pytest_plugins = ("shell",)

NETEM = captures_in(OWN)["postcopy/c_netem/veth_rx.pcap"]
SAVED = captures_in(OWN)["xen/pv-save/pv-save.img"]


def test_tables_say_what_json_says(case: Case) -> None:
    capture = dissector.open(case.path)
    said = case.analysis
    assert_equal(capture.to_arrow("migrations"), said["migrations"], {"migration": "id"})
    for name in OF_A_MIGRATION:
        expected = [{**row, "migration": one["id"]} for one in said["migrations"] for row in one[name]]
        assert_equal(capture.to_arrow(name), expected)
    assert_equal(capture.to_arrow("findings"), [row for one in said["migrations"] for row in one["findings"]])
    assert_equal(capture.to_arrow("captures"), [{**said["source"], "left_out": 0, "problem": None}])
    assert_equal(capture.to_arrow("records"), list(case.lines))
    faults = [dissector.to_json(one) for one in capture.faults()]
    assert_equal(in_order(capture.to_arrow("faults"), "offset", "pfn"), sorted(faults, key=by("offset", "pfn")))


def test_rates_add_up_to_what_json_says(case: Case) -> None:
    """Of every migration whose packets have times, its octets, losses and pages, none twice and none left out."""
    table = dissector.open(case.path).to_arrow("rates")
    for migration in case.analysis["migrations"]:
        rows = table.filter(pyarrow.compute.equal(table["migration"], migration["id"])).to_pylist()
        if not any(phase["start_time"] is not None for phase in migration["phases"]):
            assert rows == []
            continue
        for side in ("forward", "reverse"):
            assert sum(row[f"{side}_octets"] for row in rows) == migration["bytes"][side]
            assert sum(row[f"{side}_retransmitted"] for row in rows) == migration["retransmitted"][side]
            lost = sum(gap["length"] for gap in migration["gaps"] if gap["direction"] == side)
            assert sum(row[f"{side}_not_captured"] for row in rows) == lost
        came = (migration["postcopy"] or {"pages": 0})["pages"] - empty_pages(case, migration["id"])
        assert sum(row["pages"] for row in rows) == migration["pages"]["data_pages"] + came
        starts = [row["start_time"].value for row in rows]
        assert 0 < len(rows) <= 1024 and {b - a for a, b in pairwise(starts)} <= {round(rows[0]["bin"] * 1e9)}


def empty_pages(case: Case, migration: int) -> int:
    """What a faulty source lists in POSTCOPY_PAGE_DATA, and has no contents."""
    lines = [line for line in case.lines if line["name"] == "POSTCOPY_PAGE_DATA" and line["migration"] == migration]
    runs = [run for line in lines for run in line["fields"].get("pages", ())]
    return sum(count for _, count, kind in runs if kind in ("BROKEN", "XALLOC", "XTAB"))


def by(*names: str) -> Any:
    return lambda row: tuple(row[name] for name in names)


def in_order(table: pyarrow.Table, *names: str) -> pyarrow.Table:
    return table.sort_by([(name, "ascending") for name in names])


def assert_equal(table: pyarrow.Table, expected: list[Any], named: dict[str, str] | None = None) -> None:
    """Every column of every row is the value that JSON has, for times up to what a float can tell."""
    assert table.num_rows == len(expected)
    for column in TABLES[name_of(table)].columns[1:]:
        values = table[column.name].cast(pyarrow.int64()) if column.kind == "time" else table[column.name]
        path = column.path or ((named or {}).get(column.name, column.name),)
        for value, row in zip(values.to_pylist(), expected, strict=True):
            wanted: Any = row
            for key in path:
                wanted = None if wanted is None else wanted[key]
            if column.kind == "time":
                assert (value is None) == (wanted is None)
                assert wanted is None or float(Seconds(value)) == wanted
            elif column.kind == "counts":
                assert dict(value) == wanted
            else:
                assert value == wanted, column.name


def name_of(table: pyarrow.Table) -> str:
    (name,) = (name for name, one in TABLES.items() if one.says == table.schema.metadata[b"description"].decode())
    return name


def test_pages_are_the_runs_of_the_records(case: Case) -> None:
    runs = []
    for record in case.lines:
        runs += [(record["offset"], *run) for run in record["fields"].get("pages", ())]
    rows = dissector.open(case.path).to_arrow("pages").select(["offset", "first_pfn", "count", "page_type"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == runs


def test_every_table_has_a_name_in_the_library() -> None:
    assert get_args(TableName) == tuple(TABLES)


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "jsonl"])
def test_each_format_has_all_rows(form: str, shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    assert shell.lines("export", str(NETEM), str(SAVED), "-o", str(folder), "--format", form) == []
    assert {path.name for path in folder.iterdir()} == {f"{name}.{form}" for name in TABLES}
    for name in get_args(TableName):
        rows = [row for path in (NETEM, SAVED) for row in dissector.open(path).to_arrow(name).to_pylist()]
        assert read(folder / f"{name}.{form}") == (rows if form in ("parquet", "arrow") else len(rows))


def read(path: Path) -> Any:
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    if path.suffix == ".arrow":
        return ipc.open_file(path).read_all().to_pylist()
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return sum(1 for row in csv.DictReader(file) if None not in row and None not in row.values())
    return sum(isinstance(json.loads(line), dict) for line in path.read_text().splitlines())


def test_types_hold_at_their_edges() -> None:
    row: dict[str, Any] = {column.name: None for column in TABLES["pages"].columns}
    row.update(first_pfn=2**52 - 1, count=2**62, time=1_795_391_552_628_348_001)
    table = arrow.collect("pages", [tuple(row.values())])
    assert table["first_pfn"].to_pylist() == [2**52 - 1] and table["count"].to_pylist() == [2**62]
    assert table["time"].cast(pyarrow.int64()).to_pylist() == [1_795_391_552_628_348_001]
    row["time"] = 2**63
    assert arrow.collect("pages", [tuple(row.values())])["time"].to_pylist() == [None], "past the year 2261"
    for name, one in TABLES.items():
        assert arrow.collect(name, []).schema == arrow.schema(one)


def test_what_is_in_a_schema() -> None:
    """Each column says its unit and what it is."""
    schema = arrow.schema(TABLES["faults"])
    assert schema.metadata[b"schema"] == b"xenshark.tables/1"
    assert schema.field("pfn").metadata == {b"unit": b"pfn", b"description": b"number of a page in the guest's memory"}
    assert schema.field("latency").metadata[b"unit"] == b"s"


def test_a_field_that_no_column_can_hold() -> None:
    class Odd(Result):
        """Odd."""

        what: dict[str, list[int]]

    with pytest.raises(TypeError, match="no column can hold"):
        columns(Odd)


def test_columns_of_a_result_within() -> None:
    (column,) = (one for one in TABLES["faults"].columns if one.name == "answer_time")
    assert column == Column("answer_time", ("answer", "time"), "time", Unit.TIME.value, column.description)
    assert column.description == "of its last octet; null: its page never came"


def test_rows_are_written_as_they_come(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, shell: Shell) -> None:
    """Memory holds no more than a row group of a table."""
    monkeypatch.setattr(arrow, "ROWS_AT_ONCE", 100)
    shell.lines("export", str(NETEM), "-o", str(tmp_path / "out"), "--table", "pages")
    file = parquet.ParquetFile(tmp_path / "out" / "pages.parquet")
    sizes = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert len(sizes) > 5 and all(size == 100 for size, _ in pairwise(sizes))


def test_a_broken_input_is_a_row_and_the_others_are_there(shell: Shell, tmp_path: Path) -> None:
    cut = shell.file(NETEM.read_bytes()[:200_000], "cut.pcap.zst")
    words = ["export", cut, str(SAVED), str(tmp_path / "missing"), "-o", str(tmp_path / "out"), "--format", "jsonl"]
    status, out, err = shell.run(*words)
    assert (status, out) == (2, "") and len(err.splitlines()) == 2
    rows = list(map(json.loads, (tmp_path / "out" / "captures.jsonl").read_text().splitlines()))
    assert [bool(row["problem"]) for row in rows] == [True, False, True]
    assert [row["packets"] is None for row in rows] == [False, False, True]
    migrations = list(map(json.loads, (tmp_path / "out" / "migrations.jsonl").read_text().splitlines()))
    assert [row["capture"] for row in migrations] == [cut, str(SAVED)]


def test_nothing_is_left_where_it_cannot_be_written(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot write to" in shell.complaint("export", str(SAVED), "-o", str(tmp_path / "file"))
    assert "none goes to standard output: name a folder" in shell.complaint("export", str(SAVED), "-o", "-")
    assert "needs a FILE" in shell.complaint("export", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_without_pyarrow_it_says_what_to_install(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "dissector.tables.arrow", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    words = ("export", str(SAVED), "-o", str(tmp_path / "out"))
    assert "pip install 'xenshark[tables]'" in shell.complaint(*words)
    assert not (tmp_path / "out").exists()
    assert shell.lines(*words, "--format", "csv") == []


def test_columns_are_described(shell: Shell) -> None:
    lines = shell.lines("export", "--columns")
    for table in TABLES.values():
        assert f"{table.name}: {table.says}" in lines
    assert any(line.split()[:3] == ["latency", "real,", "s"] for line in lines)


def test_for_pandas_and_polars() -> None:
    capture = dissector.open(NETEM)
    found = capture.to_pandas("faults")
    assert found.latency.max() == max(fault.latency or 0 for fault in capture.faults())
    assert str(found.time.dtype) == "datetime64[ns, UTC]"
    assert capture.to_polars("faults")["pfn"].max() == found.pfn.max()


@pytest.mark.parametrize("close", ["fin", ""], ids=["one after the other", "all open to the end"])
def test_a_hundred_migrations_in_one_file(close: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file, pieces = tmp_path / "many.pcap", [pcap_header()]
    for port in range(40000, 40100):
        monkeypatch.setitem(HOSTS, FORWARD, (HOSTS[FORWARD][0], port))
        pieces.append(conversation.pcap(packets(Wire(talks.precopy(), close=close)))[len(pcap_header()) :])
    file.write_bytes(b"".join(pieces))
    capture = dissector.open(file)
    migrations = capture.to_arrow("migrations").to_pylist()
    assert [row["migration"] for row in migrations] == list(range(100))
    assert sorted(row["flow_source_port"] for row in migrations) == list(range(40000, 40100))
    sums = Counter[int]()
    for row in capture.to_arrow("rates").to_pylist():
        sums[row["migration"]] += row["forward_octets"]
    assert sums == {row["migration"]: row["bytes_forward"] for row in migrations}
    keys = [(row["migration"], row["direction"], row["offset"]) for row in capture.to_arrow("records").to_pylist()]
    assert len(keys) == len(set(keys)) == 100 * len(talks.precopy())


def test_of_migrations_without_room_it_is_said_how_many(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "MIGRATIONS_MAX", 2)
    file, stream = str(OWN / "hostile" / "migrations.pcap.zst"), tmp_path / "out"
    status, out, err = shell.run("export", file, "-o", str(stream), "--format", "jsonl", "--table", "captures")
    (row,) = map(json.loads, (stream / "captures.jsonl").read_text().splitlines())
    assert row["left_out"] == 254 and row["problem"] is None
    assert (status, out) == (0, "") and "254 migrations more, which carried least, are left out" in err
    assert "holds more than 256 migrations: the others are not looked into" in err


def test_the_last_pfn_and_a_time_to_the_ns(tmp_path: Path) -> None:
    last, speaker = 2**52 - 1, talks.Speaker()
    body = pages([entry(last - 1), entry(last)], bytes(2 << 12))
    talk = conversation.before(talks.precopy(speaker), "HVM_CONTEXT", speaker.record("PAGE_DATA", body))
    file = tmp_path / "last.pcap"
    octets = bytearray(conversation.pcap(packets(Wire(talk)), step=1))
    octets[:4], octets[28:32] = pcap_header(magic=NANOSECONDS)[:4], (123_456_789).to_bytes(4, "little")
    file.write_bytes(octets)
    capture = dissector.open(file)
    assert (last - 1, 2) in [(row["first_pfn"], row["count"]) for row in capture.to_arrow("pages").to_pylist()]
    first = capture.to_arrow("captures")["first_time"].cast(pyarrow.int64()).to_pylist()
    assert first == [1_700_000_000_123_456_789]


def test_an_empty_capture_is_a_row_of_its_own(shell: Shell, tmp_path: Path) -> None:
    file, out = shell.file(pcap_header(), "empty.pcap"), tmp_path / "out"
    assert "no migration found" in shell.complaint("export", file, "-o", str(out))
    for name in TABLES:
        table = parquet.read_table(out / f"{name}.parquet")
        assert table.schema.names == [column.name for column in TABLES[name].columns]
        assert table.num_rows == (name == "captures")
    (row,) = parquet.read_table(out / "captures.parquet").to_pylist()
    assert (row["packets"], row["first_time"]) == (0, None) and "no migration found" in row["problem"]
