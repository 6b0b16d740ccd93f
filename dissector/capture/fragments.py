"""IP fragments back to datagrams, in bounded memory; where they overlap, the octet that came first stays.

TCP hardly ever meets fragmentation, so this is written for size and safety, not for speed. Fragments come in units of 8
octets (RFC 791, 3.1; RFC 8200, 4.5): one octet a unit says whether it is here, so a fragment costs no more than its
octets, however many holes there are.
"""

from dataclasses import dataclass, field

LARGEST = 65535
"""Octets of the largest datagram: what 16 bits of length can say."""

UNIT = 8

HERE = b"\1"


@dataclass(slots=True)
class Datagram:
    """One datagram on its way to be complete."""

    octets: bytearray = field(default_factory=bytearray)
    units: bytearray = field(default_factory=bytearray)
    """Which of its units are here."""
    count: int = 0
    """How many are."""
    length: int = -1
    """Octets of all of it; -1 until the last fragment is here."""
    protocol: int = -1
    """What the datagram holds, as its first fragment says (RFC 8200, 4.5)."""

    @property
    def is_whole(self) -> bool:
        return self.length >= 0 and self.count == -(-self.length // UNIT)

    def put(self, start: int, octets: memoryview, more: bool) -> None:
        end = start + len(octets)
        if 0 <= self.length < end:
            octets = octets[: max(0, self.length - start)]  # the end is known: nothing is behind it
            end = start + len(octets)
        # A second opinion of the end does not count, nor one that what is here contradicts.
        if not more and self.length < 0 and len(self.octets) <= end:
            self.length = end
        if len(self.octets) < end:
            self.octets.extend(bytes(end - len(self.octets)))
            self.units.extend(bytes(-(-end // UNIT) - len(self.units)))
        at, last = start // UNIT, -(-end // UNIT)
        while (at := self.units.find(0, at, last)) >= 0:
            stop = self.units.find(1, at, last)
            stop = last if stop < 0 else stop
            low, high = at * UNIT, min(stop * UNIT, end)
            self.octets[low:high] = octets[low - start : high - start]
            self.units[at:stop] = HERE * (stop - at)
            self.count += stop - at
            at = stop


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
        if waiting.is_whole:
            self._remove(datagram)
            return waiting.protocol, waiting.octets
        while self._octets > self.most_octets or len(self._waiting) > self.most_datagrams:
            self._remove(next(iter(self._waiting)))
            self.dropped += 1
        return None

    def _remove(self, datagram: bytes) -> None:
        self._octets -= len(self._waiting.pop(datagram).octets)
