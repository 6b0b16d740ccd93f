"""IP fragments back to datagrams, in bounded memory; where they overlap, the octet that came first stays.

TCP hardly ever meets fragmentation, so this is written for size and safety, not for speed. The method is RFC
815: a list of holes that fragments fill.
"""

from dataclasses import dataclass, field

LARGEST = 65535
"""Octets of the largest datagram: what 16 bits of length can say."""


@dataclass(slots=True)
class Datagram:
    """One datagram on its way to be complete."""

    octets: bytearray = field(default_factory=bytearray)
    holes: list[tuple[int, int]] = field(default_factory=lambda: [(0, LARGEST + 1)])
    """Start and end of what is missing, in order; open at the end until the last fragment is here."""
    protocol: int = -1
    """What the datagram holds, as its first fragment says (RFC 8200, 4.5)."""

    def put(self, start: int, octets: memoryview, more: bool) -> None:
        end = start + len(octets)
        holes = []
        for first, last in self.holes:
            low, high = max(first, start), min(last, end)
            if low >= high:
                holes.append((first, last))
                continue
            if len(self.octets) < high:
                self.octets.extend(bytes(high - len(self.octets)))
            self.octets[low:high] = octets[low - start : high - start]
            holes += [hole for hole in ((first, low), (high, last)) if hole[0] < hole[1]]
        # The end is known once: it has to fit what is here, and a second opinion does not count.
        if not more and holes and holes[-1][1] > LARGEST and len(self.octets) == end:
            holes.pop()
        self.holes = holes


class Fragments:
    """Collects fragments until datagrams are complete. The oldest datagram is given up when there are too
    many.

    No clock: a datagram waits until its place is needed, not 30 seconds.
    """

    def __init__(self, most_octets: int = 1 << 22, most_datagrams: int = 1024) -> None:
        self.most_octets = most_octets
        self.most_datagrams = most_datagrams
        self.dropped = 0
        """Datagrams given up."""
        self._waiting: dict[bytes, Datagram] = {}
        self._octets = 0

    def add(
        self, datagram: bytes, protocol: int, start: int, more: bool, octets: memoryview
    ) -> tuple[int, bytearray] | None:
        """Take one whole fragment; gives protocol and octets of the datagram when nothing of it is missing.

        `datagram` tells datagrams apart: addresses, identification, and what else the IP version demands.
        `start` is where in the datagram `octets` belong; `more` that others follow behind. A fragment that no
        sender makes (empty, past the largest datagram, or not a multiple of 8 though more follow) is ignored.
        """
        if not octets or start + len(octets) > LARGEST or (more and len(octets) % 8):
            return None
        waiting = self._waiting.setdefault(datagram, Datagram())
        before = len(waiting.octets)
        waiting.put(start, octets, more)
        self._octets += len(waiting.octets) - before
        if start == 0 and waiting.protocol < 0:
            waiting.protocol = protocol
        if not waiting.holes:
            self._remove(datagram)
            return waiting.protocol, waiting.octets
        while self._octets > self.most_octets or len(self._waiting) > self.most_datagrams:
            self._remove(next(iter(self._waiting)))
            self.dropped += 1
        return None

    def _remove(self, datagram: bytes) -> None:
        self._octets -= len(self._waiting.pop(datagram).octets)
