"""The octets of records as `read` gives them away: in JSON, and their bodies as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import schemas
from seen import unpacked

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

CAPTURES = Path(__file__).parents[2] / "captures"
STREAM = CAPTURES / "receivers/e000.bin.zst"
LIVE = CAPTURES / "violations/none/none.pcap.zst"
IMAGE = CAPTURES / "field/06_suspend_vgpu.img.zst"


def test_octets_in_json_are_those_of_the_stream(shell: Shell) -> None:
    octets = unpacked(STREAM)
    found = shell.objects("--octets", str(STREAM))
    for one in found:
        schemas.check("record", one)
        given = bytes.fromhex(one["octets"])
        assert given == octets[one["offset"] :][: len(given)]
        assert len(given) == one["length"] or one["name"] == "PAGE_DATA", "page contents are not kept"
    assert sum(one["length"] for one in found) == len(octets)
    assert {one["octets"] for one in shell.objects(str(STREAM))} == {None}


def test_bodies_are_those_of_the_stream(shell: Shell, tmp_path: Path) -> None:
    octets = unpacked(STREAM)
    for name in ("PAGE_DATA", "HVM_CONTEXT", "libxl.EMULATOR_CONTEXT"):
        (record,) = (one for one in shell.objects(str(STREAM)) if f"{one['layer']}.{one['name']}".endswith(name))
        status, out, err = shell.run("read", "--extract", name, "-w", str(tmp_path / name), str(STREAM))
        assert (status, out.split()[0], out.count("\n")) == (0, str(record["number"]), 1)
        assert err == f"xenshark: {tmp_path / name}: 1 body\n"
        (path,) = (tmp_path / name).iterdir()
        assert path.name == f"{record['number']:06d}-{record['name']}.bin"
        begin = record["offset"] + 8
        assert path.read_bytes() == octets[begin : begin + record["body_length"]]


def test_every_page_of_a_capture(shell: Shell, tmp_path: Path) -> None:
    folder = tmp_path / "bodies"
    status, out, err = shell.run("read", "--json", "--extract", "POSTCOPY_PAGE_DATA", "-w", str(folder), str(LIVE))
    lines = [json.loads(line)["name"] for line in out.splitlines()]
    assert (status, err) == (0, f"xenshark: {folder}: {len(lines)} bodies\n") and {*lines} == {"POSTCOPY_PAGE_DATA"}
    wanted = {one["number"]: one["body_length"] for one in shell.objects("--type", "POSTCOPY_PAGE_DATA", str(LIVE))}
    found = {int(path.name[:6]): path.stat().st_size for path in folder.iterdir()}
    assert found == wanted and len(found) > 1


def test_what_was_not_captured_is_told(shell: Shell, tmp_path: Path) -> None:
    cut = CAPTURES / "postcopy/a_loopback/lo_snap128.pcap.zst"
    status, _, err = shell.run("read", "--extract", "HVM_CONTEXT", "-w", str(tmp_path), str(cut))
    assert status == 0
    (path,) = tmp_path.iterdir()
    (record,) = shell.objects("--type", "HVM_CONTEXT", str(cut))
    missing = record["body_length"] - path.stat().st_size
    assert f"{path}: {missing:,} octets of {record['body_length']:,} were not captured" in err


def test_folders_that_nothing_was_written_into_go_again(shell: Shell, tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "new"
    there.mkdir()
    for folder in (there, there / "below/it", new, new / "a/b"):
        shell.complaint("read", "--extract", "COLO", "-w", str(folder), str(LIVE))
        status, out, err = shell.run("read", "--extract", "CHECKPOINT", "-w", str(folder), str(LIVE))
        assert (status, out, err) == (0, "", f"xenshark: {folder}: 0 bodies\n")
        shell.complaint("read", "--extract", "END", "-w", str(folder), str(tmp_path / "none"))
        for form in ("csv", "parquet"):
            shell.complaint("export", str(tmp_path / "none"), "-o", str(folder), "--format", form)
        assert [*tmp_path.rglob("*")] == [there]


def test_wrong_usage(shell: Shell, tmp_path: Path) -> None:
    file = str(STREAM)
    assert "is for --json" in shell.complaint("read", "--octets", file)
    assert "belong together" in shell.complaint("read", "--extract", "END", file)
    assert "belong together" in shell.complaint("read", "-w", str(tmp_path), file)
    assert "leave --type out" in shell.complaint("read", "--extract", "END", "--type", "END", "-w", str(tmp_path), file)
    (tmp_path / "there").write_text("")
    assert "cannot write to" in shell.complaint("read", "--extract", "END", "-w", str(tmp_path / "there"), file)
    words = ("read", "--extract", "HVM_CONTEXT", "-w", str(tmp_path / "two"), file, file)
    assert "holds the body of another input" in shell.run(*words)[2]


def test_a_record_without_a_body_whose_length_says_otherwise(shell: Shell, tmp_path: Path) -> None:
    """xenopsd reads no length of LIBXC, behind whose header a stream follows."""
    octets = bytearray(unpacked(IMAGE))
    at = octets.index(b"\xf0" + bytes(15))
    octets[at + 8] = 1
    file = tmp_path / "damaged.img"
    file.write_bytes(octets)
    for words in (["--json"], ["--json", "--octets"], ["-V"]):
        lines = shell.lines("read", *words, str(file))
        assert any("LIBXC" in line for line in lines) and any("END" in line for line in lines)
