"""What editors and type checkers know of Scapy's layers is what the layers are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from conftest import REPOSITORY

from dissector.integrations.scapy.stubs import STUB, text

PROGRAM = """\
from dissector.integrations.scapy import *

fault = LibxcRecord() / PostcopyFault(pfns=[1], count=2)
reveal_type(PostcopyFault().pfns)
reveal_type(PostcopyFault().pfn[0].type)
reveal_type(HvmContext().hvm_ctx[0].typecode)
reveal_type(HvmCpu(rip=1, cr0=["PE", "PG"]).rip)
reveal_type(XlHeader().magic)
reveal_type(big_endian(PostcopyFault))
PostcopyFalut()
PostcopyFault(pnfs=[1])
PostcopyFault(count="many")
"""

SAID = [
    (4, "list[int]"),
    (5, "int | str"),
    (6, "int"),
    (7, "int"),
    (8, "bytes"),
    (9, "type[scapy.packet.Packet]"),
    (10, "name-defined"),
    (11, "call-arg"),
    (12, "arg-type"),
]
"""Of each line: the type that was asked for, or the code of the error."""


def test_the_stubs_are_those_of_the_layers() -> None:
    assert STUB.read_text() == text(), "write them: python -m dissector.integrations.scapy.stubs"


def test_a_type_checker_knows_the_layers(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    words = [sys.executable, "-m", "mypy", "--no-pretty", str(program)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    said = re.findall(
        r":(\d+): (?:note: Revealed type is \"(.*)\"|error: .* \[(.*)\])", done.stdout.replace("builtins.", "")
    )
    assert [(int(line), asked or code) for line, asked, code in said] == SAID, done.stdout + done.stderr
