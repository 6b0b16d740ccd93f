"""A capture read by Wireshark: tshark runs the dissector, pyshark takes what it prints apart."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

from dissector.errors import UserError
from dissector.integrations.wireshark import fields as f
from dissector.integrations.wireshark import generate
from dissector.integrations.wireshark.fields import PROTOCOL, Shown, prefix, shapes
from dissector.integrations.wireshark.items import Item, flow_name, gathered, joined, of_fault
from dissector.integrations.wireshark.tshark import complaints
from dissector.protocol import PAGE_TYPES, Field
from dissector.protocol.codec import JSON_OCTETS

TEXTS = (f.TEXT.path, f.STATUS.path)
"""The fields of a handshake text."""

Tree = Mapping[str, Any]
"""A part of a packet as `tshark -T json` prints it: values by field name, a list where there are several; what is
below a field is under its name and "_tree"."""

FILTER = f"{f.ITEM.name} || {f.RUN.name} || _ws.lua.error"
"""The packets that are asked for. A filter also makes Wireshark build trees on the first of two passes, without
which the dissector does not see sequence numbers there."""

LAYERS = f"frame ip ipv6 tcp {PROTOCOL}"
"""What of them is printed: all else would be most of it."""

WHOLE_LISTS = f"{PROTOCOL}.lines:0"
"""The preference that has lists shown to their end."""

TUNNELS = ("-d", "udp.port==8472,vxlan", "-o", "esp.enable_null_encryption_decode_heuristic:TRUE")
"""What has Wireshark look into tunnels that it leaves alone otherwise: VXLAN at Linux' own port, and ESP without
encryption."""

Run = tuple[int, int, str | None]
"""First pfn, count, page type."""

HALF = 1 << 31
"""Half of the sequence numbers of TCP."""


COMMON = (
    f.DIRECTION,
    f.LAYER,
    f.TYPE,
    f.LENGTH,
    f.BODY_LENGTH,
    f.FIRST_FRAME,
    f.LAST_FRAME,
    f.COMPLETE,
    f.COUNT,
)
"""Fields that every item can have."""


def read(folder: Path, capture: Path, options: list[str]) -> list[Item]:
    """Every item of a plain capture, with these options of tshark. `folder`: of `tshark.isolated`.

    UserError if tshark or pyshark fails, or a Lua script does.
    """
    script = folder / "xen_migration.lua"
    script.write_text(generate.dissector())
    script.chmod(0o644)
    words = ["-2", "-J", LAYERS, "-X", f"lua_script:{script}", "-o", WHOLE_LISTS, *TUNNELS, *options]
    items: list[Item] = []
    begun: dict[tuple[str, int], list[tuple[int, Item]]] = defaultdict(list)
    more: dict[tuple[str, int], list[tuple[int, list[Run]]]] = defaultdict(list)
    for packet in _packets(folder, capture, words):
        flow, seq, layers = _layers(packet)
        for layer in layers:
            for tree in _trees(layer, f.CONTENTS):
                if runs := _runs(tree):
                    more[flow, _integer(tree, f.CONTENTS_OF)].append((seq, runs))
            for tree in _trees(layer, f.ITEM):
                items.append(_item(flow, tree))
                begun[flow, items[-1].frame].append((seq, items[-1]))
    for place, pieces in more.items():
        _add_runs(begun[place], pieces)
    trouble = complaints((folder / "stderr").read_text(errors="replace"))
    if trouble:
        raise UserError(f"Wireshark complains: {trouble[0]}")
    return items


def _packets(folder: Path, capture: Path, options: list[str]) -> Iterator[Tree]:
    """The layers of each packet, each a list of the trees of that name."""
    try:
        import pyshark
        from pyshark.capture.capture import TSharkCrashException
        from pyshark.tshark.output_parser.tshark_json import TsharkJsonParser

        class Parser(TsharkJsonParser):  # type: ignore[misc]  # pyshark has no types
            """pyshark wants a time of every packet, and Wireshark 4.6 gives none to one that was captured without. It
            wants UTF-8, and other dissectors of Wireshark print what they take for text as it was captured."""

            def _parse_single_packet(self, packet: bytes) -> Any:
                packet = packet.decode("utf-8", "replace").encode()
                if b'"frame.time_epoch"' not in packet:
                    packet = packet.replace(b'"frame.number"', b'"frame.time_epoch": "", "frame.number"', 1)
                return super()._parse_single_packet(packet)

        # pyshark kills each tshark, also one that has just ended, which asyncio then misses and tells of.
        logging.getLogger("asyncio").setLevel(logging.ERROR)
        # A loop of our own: the one that pyshark would make needs what Python 3.14 no longer has.
        loop = asyncio.new_event_loop()
        source = pyshark.FileCapture(
            str(capture),
            tshark_path=str(folder / "tshark"),
            display_filter=FILTER,
            custom_parameters=options,
            use_json=True,
            keep_packets=False,
            eventloop=loop,
        )
        source._setup_tshark_output_parser = lambda: Parser(source._get_tshark_version())
    except (AttributeError, ImportError) as error:
        raise UserError(f"pyshark does not work with Python {sys.version.split()[0]}: {error}") from error
    try:
        for packet in source:
            layers = {"frame": [packet.frame_info._all_fields]}
            for layer in packet.layers:
                # The trees as tshark printed them; what pyshark makes of them costs more and knows less.
                trees = (one._all_fields for one in (layer, *layer.duplicate_layers))
                layers.setdefault(layer.layer_name, []).extend(trees)
            yield layers
    except TSharkCrashException as error:
        lines = complaints((folder / "stderr").read_text(errors="replace"))
        raise UserError(f"Wireshark complains: {lines[0] if lines else ' '.join(str(error).split())}") from error
    finally:
        with suppress(TSharkCrashException):
            source.close()
        source._running_processes.clear()  # or it would be closed once more, with the loop
        loop.close()


def _layers(packet: Tree) -> tuple[str, int, list[Tree]]:
    """The flow of a packet, its sequence number, and what the dissector says of it."""
    frame = packet["frame"][-1]
    error = next((name for name in packet if name.startswith("Lua Error")), None)
    if error is not None:
        raise UserError(f"the dissector fails in frame {frame['frame.number']}: {error}")
    flow = flow_name(_end(packet, frame, "src"), _end(packet, frame, "dst"))
    return flow, int(packet["tcp"][-1]["tcp.seq_raw"]), packet.get(PROTOCOL, [])


def _end(packet: Tree, frame: Tree, side: str) -> tuple[str, int]:
    named = [one for one in frame["frame.protocols"].split(":") if one in ("ip", "ipv6")]
    # Behind MPLS Wireshark 4.6 does not name the one that TCP is in.
    unnamed = [one for one in ("ip", "ipv6") if len(packet.get(one, ())) > named.count(one)]
    network = (unnamed or named)[-1]
    return packet[network][-1][f"{network}.{side}"], int(packet["tcp"][-1][f"tcp.{side}port"])


def _item(flow: str, tree: Tree) -> Item:
    name = str(_one(tree, f.NAME))
    item = Item(flow, int(_one(tree, f.OFFSET)), name, int(_one(tree, f.FIRST_FRAME)))
    item.values = {f.NAME.path: name, **{one.path: _number(_one(tree, one)) for one in COMMON}}
    item.values[f.COMPLETE.path] = bool(item.values[f.COMPLETE.path])
    item.values |= gathered(_own_fields(tree, prefix(name)))
    if runs := _runs(tree):
        item.values[f.RUN.path] = joined(runs)
    for fault in _trees(tree, f.FAULT):
        item.values |= dict(_fault(fault))
    if (pushed := _one(tree, f.PUSHED)) is not None:
        pairs = zip(_all(tree, f.ANSWERS), _trees(tree, f.ANSWERS), strict=True)
        item.values[f.ANSWERS.path] = sorted((_integer(pfn, f.ANSWERS_PFN), int(frame)) for frame, pfn in pairs)
        item.values[f.PUSHED.path] = _number(pushed)
    if rules := _all(tree, f.RULE):
        item.values[f.RULE.path] = sorted(rules)
    return item


def _runs(tree: Tree) -> list[Run]:
    return [(_integer(run, f.RUN_PFN), _integer(run, f.RUN_COUNT), _type(run)) for run in _trees(tree, f.RUN)]


def _add_runs(begun: list[tuple[int, Item]], more: list[tuple[int, list[Run]]]) -> None:
    """Gives the last item that begins in a packet its entries in later packets.

    They go in the order of the stream, whatever that of the packets was; entries that came twice are taken once.
    """
    if not begun:  # the packet with the header is missing
        return
    first, last = max(begun, key=lambda one: one[1].offset)
    pieces = {_distance(seq, first): runs for seq, runs in reversed(more)}
    if pieces:
        rest = chain.from_iterable(pieces[place] for place in sorted(pieces))
        last.values[f.RUN.path] = joined([*last.values.get(f.RUN.path, []), *rest])


def _distance(seq: int, first: int) -> int:
    """From one sequence number to another, which may be before it (RFC 9293, 3.4)."""
    return (seq - first + HALF) % (2 * HALF) - HALF


def _type(run: Tree) -> str | None:
    kind = _number(_one(run, f.RUN_TYPE))
    return PAGE_TYPES[kind] if isinstance(kind, int) else None


def _fault(tree: Tree) -> Iterator[tuple[str, Any]]:
    pfn = _number(_one(tree, f.FAULT_PFN))
    yield of_fault(pfn, f.ANSWERED_IN), _number(_one(tree, f.ANSWERED_IN))
    for field in (f.LATENCY, f.LEAD):
        waited = _one(tree, field)
        yield of_fault(pfn, field), None if waited is None else int(Decimal(waited).scaleb(9))
    yield of_fault(pfn, f.IN_FLIGHT), bool(_number(_one(tree, f.IN_FLIGHT)))


def _own_fields(tree: Tree, start: str) -> Iterator[tuple[str, Any]]:
    """What the header or body holds, with its path, however deep it is."""
    for key, value in tree.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield from _own_fields(one, start)
            elif not key.endswith("_tree"):  # with nothing below the field
                path = key.removeprefix(f"{PROTOCOL}.")
                shape = shapes().get(path)
                is_whole = shape is not None and (shape.bits or shape.elements)
                if (path.startswith(start + ".") or path in TEXTS) and not is_whole:
                    yield path, _value(one, shape)


def _value(text: str, shape: Field | None) -> Any:
    """As the engine has it."""
    if shape is None or shape.kind == "uint":
        number = _number(text)
        return shape.values.get(number, number) if shape is not None and isinstance(number, int) else number
    if shape.kind in ("bytes", "blob"):
        octets = text.replace(":", "")
        return octets if len(octets) <= 2 * JSON_OCTETS else f"{len(octets) // 2} octets"
    return text


def _number(text: str | None) -> int | str | None:
    """The number that a text is, if it is one."""
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return text


def _integer(tree: Tree, field: Shown) -> int:
    return int(_one(tree, field), 0)


def _all(tree: Tree, field: Shown) -> list[Any]:
    """The field's values."""
    return _listed(tree, field.name)


def _trees(tree: Tree, field: Shown) -> list[Any]:
    """What is below it."""
    return _listed(tree, f"{field.name}_tree")


def _listed(tree: Tree, name: str) -> list[Any]:
    found = tree.get(name, [])
    return found if isinstance(found, list) else [found]


def _one(tree: Tree, field: Shown) -> Any:
    return next(iter(_all(tree, field)), None)
