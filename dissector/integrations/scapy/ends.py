"""The two ends of a migration, to talk from Scapy to a real one: over a `MigrationSocket`, in real octets.

An `AnsweringMachine` serves faults; an `Automaton` for each end holds a whole postcopy migration, or breaks a rule:
`mutate` names it, and what the end says in the rule's breaking example is said instead. Threads, states and breakpoints
are Scapy's own: `run()`, `runbg()`, `stop()`. An error in what an automaton is given is raised at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scapy.ansmachine import AnsweringMachine
from scapy.automaton import ATMT as _ATMT
from scapy.automaton import Automaton
from scapy.packet import Packet, Raw
from scapy.supersocket import StreamSocket

from dissector.protocol import ENTRY_PFN, ENTRY_TYPE, PAGE_SHIFT, UNBACKED, Role

from .connection import MigrationSocket
from .packets import _Layer, _Record
from .scripts import Script, opening, script

ATMT: Any = _ATMT  # Scapy's own types are those of states that were never made
PAGE = 1 << PAGE_SHIFT
PATIENCE = 10.0
"""Seconds for which an end that plays a rule's example waits for the peer before it goes on."""
IDLE = 0.02
"""Seconds without a fault after which the source sends pages that nobody asked for."""
PUSHED = 64
"""Pages in a record that no fault has asked for."""

Pages = Mapping[int, bytes]
"""The contents of pages by pfn, 4096 octets each."""


# --- serving pages --------------------------------------------------------------------------------------------


def _body_of(header: type[Packet], role: Role) -> type[Packet]:
    """The layer of the record that plays a role, in the version and byte order of a record's header."""
    bodies: Iterable[type[_Layer]] = header.bodies.values()
    return next(body for body in bodies if body.part is role)


def _page_data(header: type[Packet], pfns: Iterable[int], pages: Pages) -> Packet:
    """A POSTCOPY_PAGE_DATA in the version and byte order of a record's header."""
    listed = list(pfns)
    contents = b"".join(pages[pfn].ljust(PAGE, b"\0") for pfn in listed)
    return header() / _body_of(header, Role.POSTCOPY_PAGES)(pfns=listed, page_data=contents)


class PageServer(AnsweringMachine[Packet]):
    """Answers each POSTCOPY_FAULT with the pages it asks for, once each:

    >>> PageServer(opened_socket=StreamSocket(connected, LibxcRecordV2), pages={0x10: bytes(4096)})()  # doctest: +SKIP

    `pages`: contents by pfn; of a fault for a page that is not among them nothing is sent. The socket is one of
    records, as above, or a `MigrationSocket`.
    """

    function_name = "page_server"

    def parse_options(self, pages: Pages | None = None) -> None:
        self.pages = dict(pages or {})
        self.served: set[int] = set()

    def is_request(self, req: Packet) -> int:
        return int(isinstance(req, _Record) and getattr(req.payload, "part", None) is Role.POSTCOPY_FAULT)

    def make_reply(self, req: Packet) -> Any:
        """None where there is nothing to send."""
        wanted = [pfn for pfn in dict.fromkeys(req.pfns) if pfn in self.pages and pfn not in self.served]
        self.served.update(wanted)
        return _page_data(type(req), wanted, self.pages) if wanted else None

    def send_reply(self, reply: Packet, send_function: Callable[..., None] | None = None) -> None:
        (send_function or self.optsniff["opened_socket"].send)(reply)


# --- both ends ------------------------------------------------------------------------------------------------


class _End(Automaton):
    """What both have in common: the connection, and a rule's example that is played instead of a migration."""

    sock: MigrationSocket

    def __init__(self, *args: Any, sock: MigrationSocket, mutate: str | None = None, **more: Any) -> None:
        """Raises TypeError of another socket and ValueError of a rule that cannot be broken: here, since an error in
        `parse_args` leaves Scapy 2.6.0 waiting for a thread."""
        if not isinstance(sock, MigrationSocket):
            raise TypeError("the end of a migration needs sock=MigrationSocket(...)")
        self.is_alone = False
        """Whether the peer was found to have closed."""
        self.script = None if mutate is None else script(mutate, sock.speaker)
        super().__init__(*args, sock=sock, **more)

    def play(self, played: Script) -> None:
        """Says this end's part of a rule's example, each line after what the peer says before it there."""
        for line in played.lines:
            self._hear(line.heard)
            self.send(Raw(line.octets))
        self._hear(played.heard)
        if played.closes:
            self.sock.end()
        elif played.is_closed:
            self._hear(played.heard + 1)

    def my_send(self, pkt: Any, **how: Any) -> None:
        """Says a packet; to a peer that has closed, nothing."""
        try:
            super().my_send(pkt, **how)
        except ConnectionError:
            self.is_alone = True

    def say(self, header: type[Packet], role: Role, **values: Any) -> None:
        """Says a record, in the version and byte order of a record's header."""
        self.send(header() / _body_of(header, role)(**values))

    def _hear(self, octets: int) -> None:
        """Waits until the peer has said so much, or has closed, or says no more for some time."""
        while self.sock.heard < octets and StreamSocket.select([self.sock], PATIENCE):
            try:
                self.sock.listen()
            except EOFError:
                return


class MigrationSource(_End):
    """The source of a postcopy migration: says a stream up to POSTCOPY_TRANSITION, answers faults with the pages they
    ask for, sends the others meanwhile, and ends the stream after POSTCOPY_COMPLETE.

    sock: a `MigrationSocket` of the source. pages: contents of the pages that stay behind, by pfn. begin: the octets up
    to where pages may come, of another stream than a bare libxc one of version 2: those of a capture, if the peer is a
    real receiver. pushes: False sends nothing that was not asked for. mutate: a rule's id: its breaking example is said
    instead. `left` are the pfns not sent yet.
    """

    def parse_args(
        self,
        *args: Any,
        pages: Pages | None = None,
        begin: bytes | None = None,
        pushes: bool = True,
        **more: Any,
    ) -> None:
        super().parse_args(*args, **more)
        self.pages = dict(pages or {})
        self.left = dict.fromkeys(self.pages)
        self.begin = opening(self.pages) if begin is None else begin
        self.pushes = pushes

    @ATMT.state(initial=1)
    def BEGIN(self) -> None:
        """Nothing was said."""

    @ATMT.condition(BEGIN)
    def begins(self) -> None:
        if self.script is not None:
            self.play(self.script)
            raise self.ENDED()
        self.send(Raw(self.begin))
        if self.is_alone:
            raise self.ENDED()
        if self.sock.transition is None:
            raise ValueError("what the source begins with holds no POSTCOPY_TRANSITION")
        raise self.SERVING()

    @ATMT.state()
    def SERVING(self) -> None:
        """The guest runs at the destination."""

    @ATMT.receive_condition(SERVING)
    def is_asked(self, packet: Packet) -> None:
        part = getattr(packet.payload, "part", None)
        if part is Role.POSTCOPY_FAULT:
            self._serve([pfn for pfn in dict.fromkeys(packet.pfns) if pfn in self.left])
        elif part is Role.POSTCOPY_COMPLETE:
            self.say(type(packet), Role.LIBXC_END)
            raise self.ENDED()
        raise self.SERVING()

    @ATMT.timeout(SERVING, IDLE)
    def is_idle(self) -> None:
        if self.pushes:
            self._serve(list(self.left)[:PUSHED])
        raise self.SERVING()

    @ATMT.eof(SERVING)
    def is_left(self) -> None:
        raise self.ENDED()

    @ATMT.state(final=1)
    def ENDED(self) -> MigrationSocket:
        """All was said, or the peer has closed."""
        return self.sock

    def _serve(self, pfns: list[int]) -> None:
        if pfns and self.sock.transition is not None:
            self.send(_page_data(self.sock.transition, pfns, self.pages))
        for pfn in pfns:
            del self.left[pfn]


class MigrationDestination(_End):
    """The destination of a postcopy migration: faults pages in a given order, one fault at a time, and says
    POSTCOPY_COMPLETE once all pages are there that were announced.

    sock: a `MigrationSocket` of the destination. faults: a pfn, or several in one fault, one after another; those that
    are already there are left out. mutate: a rule's id: what the destination says in its breaking example is said
    instead. `memory` are the pages that came in the postcopy phase, by pfn; `missing` the pfns that are to come.
    """

    def parse_args(self, *args: Any, faults: Iterable[int | Iterable[int]] = (), **more: Any) -> None:
        super().parse_args(*args, **more)
        self.faults = iter(faults)
        self.memory: dict[int, bytes] = {}
        self.missing: set[int] = set()
        self.asked: set[int] = set()
        self.header: type[Packet] | None = None

    @ATMT.state(initial=1)
    def BEGIN(self) -> None:
        """The guest is at the source."""

    @ATMT.condition(BEGIN)
    def begins(self) -> None:
        if self.script is not None:
            self.play(self.script)
            raise self.ENDED()

    @ATMT.receive_condition(BEGIN)
    def is_told(self, packet: Packet) -> None:
        part = getattr(packet.payload, "part", None)
        if part is Role.POSTCOPY_LIST:
            self.missing.update(entry & ENTRY_PFN.mask for entry in packet.pfn if _is_backed(entry))
        elif part is Role.POSTCOPY_TRANSITION:
            self.header = type(packet)
            raise self.RUNNING()
        elif part is Role.LIBXC_END:
            raise self.ENDED()

    @ATMT.eof(BEGIN)
    def is_left_early(self) -> None:
        raise self.ENDED()

    @ATMT.state()
    def RUNNING(self) -> None:
        """The guest runs here, and pages are missing."""

    @ATMT.condition(RUNNING)
    def goes_on(self) -> None:
        if self.header is not None and not self.missing:
            self.say(self.header, Role.POSTCOPY_COMPLETE)
            raise self.COMPLETE()
        if self.header is not None and not self.asked & self.missing:
            wanted = ({one} if isinstance(one, int) else set(one) for one in self.faults)
            self.asked = next((pfns for pfns in (one & self.missing for one in wanted) if pfns), set())
            if self.asked:
                self.say(self.header, Role.POSTCOPY_FAULT, pfns=sorted(self.asked))

    @ATMT.receive_condition(RUNNING)
    def is_sent(self, packet: Packet) -> None:
        if getattr(packet.payload, "part", None) is Role.POSTCOPY_PAGES:
            contents = packet.page_data
            for entry in packet.pfn:
                pfn = entry & ENTRY_PFN.mask
                self.missing.discard(pfn)
                if _is_backed(entry):
                    self.memory[pfn], contents = contents[:PAGE], contents[PAGE:]
        raise self.RUNNING()

    @ATMT.eof(RUNNING)
    def is_left(self) -> None:
        raise self.ENDED()

    @ATMT.state()
    def COMPLETE(self) -> None:
        """All pages are here."""

    @ATMT.receive_condition(COMPLETE)
    def is_over(self, packet: Packet) -> None:
        if getattr(packet.payload, "part", None) is Role.LIBXC_END:
            raise self.ENDED()

    @ATMT.eof(COMPLETE)
    def is_left_in_the_end(self) -> None:
        raise self.ENDED()

    @ATMT.state(final=1)
    def ENDED(self) -> MigrationSocket:
        """The stream has ended, or the peer has closed."""
        return self.sock


def _is_backed(entry: int) -> bool:
    return entry >> ENTRY_TYPE.shift not in UNBACKED
