"""What commands write: whole or not at all, and never over what they read."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import OWN, captures_in
from seen import unpacked

from dissector.errors import UserError
from dissector.output import whole

if TYPE_CHECKING:
    from shell import Shell

pytest_plugins = ("shell",)

NONE = captures_in(OWN)["violations/none/none.pcap"]
GAPS = captures_in(OWN)["xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap"]


@pytest.mark.parametrize("words", ["report {} -o {}", "plot timeline {} -o {}", "extract {} -w {}"])
def test_no_input_is_written_over(words: str, shell: Shell, tmp_path: Path) -> None:
    file, link = tmp_path / "captures.csv", tmp_path / "link.csv"
    file.write_bytes(unpacked(NONE))
    link.symlink_to(file)
    for output in (file, link):
        assert "is the input itself" in shell.complaint(*words.format(file, output).split())
    assert "is the input itself" in shell.complaint("export", str(file), "-o", str(tmp_path), "--format", "csv")
    assert file.read_bytes() == unpacked(NONE)


def test_what_stood_there_stays_if_it_fails(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    file.write_text("before")
    assert "were not captured" in shell.complaint("extract", str(GAPS), "-w", str(file), "--octets", "forward")
    assert file.read_text() == "before" and [one.name for one in tmp_path.iterdir()] == ["kept"]
    shell.lines("export", str(NONE), "-o", str(tmp_path), "--format", "csv", "--table", "faults")
    table = (tmp_path / "faults.csv").read_text()
    shell.complaint("export", str(tmp_path / "missing"), "-o", str(tmp_path), "--format", "csv", "--table", "faults")
    assert (tmp_path / "faults.csv").read_text() == table and table.count("\n") > 2


def test_a_file_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("before")
    with pytest.raises(UserError, match=r"cannot write .*file: "), whole(str(file)) as octets:
        octets.write(b"a part")
        raise OSError(28, "No space left on device")
    assert file.read_text() == "before" and len(list(tmp_path.iterdir())) == 1
    with whole(str(file)) as octets:
        octets.write(b"all")
    assert file.read_text() == "all" and file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", ["report {} -o {}", "plot timeline {} -o {}.csv", "extract {} -w {}"])
def test_each_command_writes_whole_files(
    words: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file whose name cannot be taken is not begun under it."""
    given = words.format(NONE, tmp_path / "file").split()
    file = Path(given[-1])
    file.write_text("before")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    assert "cannot write" in shell.complaint(*given)
    assert file.read_text() == "before" and list(tmp_path.iterdir()) == [file]


def test_a_finding_without_a_field_is_shown(shell: Shell) -> None:
    status, out, err = shell.run("check", str(OWN / "field" / "07_suspend_62.img.zst"))
    assert status == 1 and "legacy" in out and "mistake" not in err


def test_how_many_records_may_be_shown(shell: Shell) -> None:
    for words in (("check",), ("read", "--at", "3")):
        assert "is no number of records" in shell.complaint(*words, "-C", "1" + "0" * 20, str(NONE))


def test_a_name_that_is_no_text(shell: Shell, tmp_path: Path) -> None:
    odd = str(tmp_path / "bad\udcff.pcap.zst")
    shutil.copy(captures_in(OWN)["violations/type5/type5.pcap"], odd)
    for form in ("full", "concise", "json", "sarif", "github"):
        status, out, err = shell.run("check", "--format", form, odd)
        assert (status, err) == (1, "") and "udcff" not in out.replace("\\udcff", "")


@pytest.mark.parametrize(
    "words",
    [
        ("extract", "{none}", "-w"),
        ("export", "{none}", "-o"),
        ("fleet", "{none}", "-o"),
        ("lua", "--write"),
        ("tap", "-w"),
        ("live", "-i", "lo", "-w"),
    ],
)
@pytest.mark.parametrize("name", ["", "-"])
def test_nothing_is_called_like_standard_output(
    words: tuple[str, ...], name: str, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["--", "true"] if "tap" in words else []
    shell.complaint(*(word.format(none=NONE) for word in words), name, *command)
    assert not [*tmp_path.iterdir()]


def test_what_is_no_folder_is_said_so(shell: Shell, tmp_path: Path) -> None:
    """Before anything is read."""
    file = shell.file(b"", "file")
    for place in ("/dev/full", file):
        for words in (("export", "--format", "csv", "-o"), ("read", "--extract", "END", "-w"), ("fleet", "-o")):
            assert shell.complaint(*words, place, str(NONE)) == f"xenshark: cannot write to {place}: is no folder\n"


def test_a_report_needs_a_name(shell: Shell) -> None:
    assert "-o needs the name of a file" in shell.complaint("report", str(NONE), "-o", "")
