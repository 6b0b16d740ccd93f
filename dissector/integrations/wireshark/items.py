"""A record as two readers can tell of it: flat values by name, brought to one form, to be held against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from dissector.events import Endpoint, Flow
from dissector.integrations.wireshark.fields import Shown, shapes


@dataclass
class Item:
    """A record, header or text.

    values: by the name of the dissector's field without "xenmig.". Lists: "run" (first pfn, count, type name or
    None), "page.answers" (pfn, frame of the fault), "rule", and each field of a header or body, whose path begins
    with `prefix` of its name. A fault's own are "fault 0x7c answered_in", "... latency" (ns), "... in_flight".
    """

    flow: str
    offset: int
    name: str
    frame: int
    """The packet in which it begins."""
    values: dict[str, Any] = field(default_factory=dict)


def flow_name(source: tuple[str, int], destination: tuple[str, int]) -> str:
    """One direction of a connection, each end an address and a port: "10.0.0.1:38500 -> 10.0.0.2:7700"."""
    return str(Flow(*(Endpoint(str(ip_address(address)), port) for address, port in (source, destination))))


def of_fault(pfn: Any, field: Shown) -> str:
    """The name of a value of one faulted pfn: "fault 0x7c latency"."""
    return f"fault {pfn:#x} {field.path.rpartition('.')[2]}"


def flattened(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every number and text in nested values with its path; the elements of a list have the list's."""
    match value:
        case {"octets": int(length), **rest} if not rest:
            yield path, f"{length} octets"
        case dict():
            for name, inside in value.items():
                yield from flattened(f"{path}.{name}", inside)
        case list():
            for inside in value:
                yield from flattened(path, inside)
        case _:
            yield path, value


def gathered(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    """The values of each path, in order."""
    found: dict[str, list[Any]] = {}
    for path, value in pairs:
        found.setdefault(path, []).append(value)
    return found


def joined(runs: Iterable[tuple[int, int, Any]]) -> list[tuple[int, int, Any]]:
    """Runs as long as they can be: a list that arrives in parts has a run cut where a part ends."""
    whole: list[tuple[int, int, Any]] = []
    for first, count, kind in runs:
        if whole and whole[-1][0] + whole[-1][1] == first and whole[-1][2] == kind:
            start, before, _ = whole.pop()
            first, count = start, before + count
        whole.append((first, count, kind))
    return whole


def is_octets(path: str) -> bool:
    """Whether a field holds opaque octets: none of them is no field."""
    return path in shapes() and shapes()[path].kind in ("bytes", "blob")
