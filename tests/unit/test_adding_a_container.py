"""A container that is added as a row: found by its magic, its header shown, what it holds followed up to its end."""

from __future__ import annotations

import json

import pytest
from altered import Altered

HEADER = '''"""What another toolstack writes before a libxl stream."""

from __future__ import annotations

import construct as c

from .primitives import Ints, Layout
from .specs import Expect, HeaderSpec

STACK_MAGIC = b"another-toolstack\\n\\0"


def stack_header(i: Ints) -> Layout:
    """The description of the guest follows."""
    return c.Struct(
        "magic" / c.Default(c.Bytes(len(STACK_MAGIC)), STACK_MAGIC) * "Names the format",
        "version" / i.u32 * "Version of the format",
        "description_length" / i.u32 * "Octets of the description",
    )


STACK_HEADER = HeaderSpec(
    "stack header",
    "stack",
    stack_header,
    "little",
    STACK_MAGIC,
    "a test",
    Expect.LIBXL_HEADER,
    summary="version {version}",
    more="description_length",
)
'''

ROW = """    Container(
        "stack",
        STACK_HEADER,
        STACK_MAGIC,
        Expect.STACK_HEADER,
        frozenset(("libxl",)),
        record=None,
    ),
"""

WRITE = """
from pathlib import Path
from conversation import Wire, packets, pcap
from talks import Item, Speaker, libxl

said = b"another-toolstack\\n\\0" + bytes((1, 0, 0, 0, 5, 0, 0, 0)) + b"guest"
talk = [Item("forward", "stack", "stack header", said), *libxl(Speaker())]
Path("whole.pcap").write_bytes(pcap(packets(Wire(talk))))
Path("file").write_bytes(b"".join(item.octets for item in talk))
"""


@pytest.fixture(scope="module")
def altered(tmp_path_factory: pytest.TempPathFactory) -> Altered:
    altered = Altered(tmp_path_factory.mktemp("container"))
    (altered.folder / "dissector/protocol/stack.py").write_text(HEADER)
    altered.put_before(
        "protocol/containers.py", "from .xenops import", "from .stack import STACK_HEADER, STACK_MAGIC\n"
    )
    altered.put_behind("protocol/containers.py", "_ROWS = (\n", ROW)
    altered.put_behind("protocol/specs.py", "Layer: TypeAlias = Literal[", '"stack", ')
    altered.put_before("protocol/specs.py", "    XL_HEADER = auto()\n", "    STACK_HEADER = auto()\n")
    altered.python("-c", WRITE)
    return altered


@pytest.mark.parametrize("file", ["whole.pcap", "file"])
def test_it_is_read_and_legal(altered: Altered, file: str) -> None:
    (migration,) = json.loads(altered.xenshark("analyze", "--json", file))["migrations"]
    assert migration["layers"] == ["stack", "libxl", "libxc"]
    assert (migration["outcome"], migration["not_followed"]["forward"]) == ("completed", 0)
    assert {one["severity"] for one in migration["findings"]} <= {"note"}
    first, *_ = altered.xenshark("read", file).splitlines()
    assert first.split()[-4:] == ["stack", "header", "version", "1"]


def test_scapy_has_it(altered: Altered) -> None:
    shown = "from dissector.integrations.scapy import StackHeader; print(StackHeader(version=7).summary())"
    assert "version=7" in altered.python("-c", shown)


def test_wireshark_has_it(altered: Altered) -> None:
    assert "stack header" in altered.xenshark("lua", "--print")
