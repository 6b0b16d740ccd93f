"""What a program asks of an input: its events one by one, or frozen results."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from dissector.capture.files import is_folder
from dissector.capture.joined import FileSet
from dissector.capture.opening import StreamReader, open_source
from dissector.capture.reader import CaptureReader
from dissector.capture.sets import Sets, captures_in, listed, sets_of
from dissector.encrypted import Encrypted
from dissector.engine import Engine, Sample
from dissector.errors import UserError
from dissector.events import Event, Record
from dissector.facts import Fault, Link, Linker, Migration
from dissector.parser import LATE_SEARCHED, MIGRATIONS_MAX
from dissector.results.common import EndpointResult, FlowResult, file_name, time_of
from dissector.results.limits import LimitsResult
from dissector.results.source import CensusResult, EncryptedResult, SourceResult
from dissector.results.stalls import as_results
from dissector.units import NS, many, shell_word, size

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from dissector.results.analysis import AnalysisResult
    from dissector.results.faults import FaultResult
    from dissector.results.records import RecordResult
    from dissector.results.timeline import TimelineResult

Reader = CaptureReader | StreamReader

TableName: TypeAlias = Literal[
    "captures",
    "migrations",
    "records",
    "iterations",
    "phases",
    "stalls",
    "faults",
    "pages",
    "gaps",
    "rates",
    "findings",
]

Take = Callable[[Event], object]
"""Takes events one by one; what it returns is ignored."""


def open(
    *paths: str | os.PathLike[str], keep_pages: bool = False, keylog: str | os.PathLike[str] | None = None
) -> Input:
    """An input: a capture (pcap, pcapng) or a save file, compressed or not; "-" is standard input. Several files are
    one capture, in the order of their first packets, as far as each goes on where the one before ends.

    `keep_pages`: the bodies of records hold page contents, too. `keylog`: a file with the keys of TLS connections
    (SSLKEYLOGFILE), which tshark then opens. Raises UserError if the input cannot be read.

    >>> dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst").is_capture
    True
    """
    names = [os.fspath(path) for path in paths]
    files = FileSet((names[0],)) if len(names) == 1 else sets_of(names, join=True).files[0]
    return Input(files, keep_pages, os.fspath(keylog) if keylog is not None else None)


def gather(paths: Iterable[str | os.PathLike[str]], join: bool | None = None) -> Sets:
    """The captures in files and folders, each to be given to `Input`, and what there is to say of them: a folder stands
    for the captures in it and below it, files of a rotated capture for that. `join`: all files are one capture; False:
    each is one.

    A folder that cannot be read or holds no capture stands among the others with its `problem`, which `Input` raises.
    Raises UserError if there is one, or a file that cannot be read, among those that `join` speaks of."""
    names: list[str] = []
    remarks: list[str] = []
    problems: dict[str, str] = {}
    for path in [os.fspath(path) for path in paths]:
        if not path or not is_folder(path):  # a name without letters would be the folder at hand
            names.append(path)
            continue
        found = captures_in(path, _is_capture)
        if not found.captures and not found.problems:
            found.problems[path] = f"no captures in {path}"
        elif found.others:
            remarks.append(f"{path}: not read, as no captures: {listed(found.others)}")
        problems |= found.problems
        names += [*found.captures, *found.problems]
    if join and problems:
        raise UserError("; ".join(problems.values()))
    sets = sets_of(names, join)
    return Sets([one._replace(problem=problems.get(one.paths[0])) for one in sets.files], remarks + sets.remarks)


def _is_capture(path: str) -> bool:
    """Whether a file holds packets or the beginning of a stream, or cannot be read, which is said where it is."""
    try:
        reader = open_source(path)
    except UserError:
        return True
    try:
        if isinstance(reader, CaptureReader):
            return True
        engine = Engine(lambda event: None)
        for _ in islice(engine.steps(reader), 2):  # one piece, and the end if there is not more
            pass
        return bool(engine.migrations)
    finally:
        reader.source.close()


class Input:
    """An input that is read from its beginning, by whichever method is called.

    What is asked for again is read again, but for standard input: that can be read once. Every method that reads raises
    UserError where there is no migration. What is found up to a damaged place is found all the same: then `problem`
    says what is wrong.

    >>> capture = dissector.open("captures/postcopy/c_netem/veth_rx.pcap.zst")
    >>> sum(fault.answer is not None for fault in capture.faults())
    35
    """

    def __init__(self, files: FileSet, keep_pages: bool = False, keylog: str | None = None) -> None:
        self.files = files
        """The file, or those that are read as one."""
        if keylog is not None:
            _look_at_keys(keylog)
        self.reader: Reader = open_source(files)
        """What reads it, or has read it."""
        self.migration_count = 0
        """How many were found when it was last read."""
        self._keep_pages = keep_pages
        self._keylog = keylog
        self._is_read = False
        self._legacy: dict[int, bool] = {}
        self._census: Mapping[str, int] = {}
        self._encrypted: Sequence[Encrypted] = ()
        self._crowded = 0

    @property
    def path(self) -> str:
        """The file, the first of several."""
        return self.files.paths[0]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.reader.name

    @property
    def is_read_once(self) -> bool:
        """Whether it cannot be read again: standard input, a pipe."""
        return self.path == "-" or self.reader.source.size is None

    @property
    def joined(self) -> tuple[str, ...]:
        """The files that were read as one so far, if it is several."""
        return self.reader.joined if isinstance(self.reader, CaptureReader) else ()

    @property
    def words_not_joined(self) -> str | None:
        """In one line, that there are such files."""
        return self.reader.words_rest if isinstance(self.reader, CaptureReader) else None

    def again(self) -> Input:
        """The same input, to be read from its beginning."""
        return Input(self.files, self._keep_pages, self._keylog)

    @property
    def not_joined(self) -> FileSet | None:
        """Files that were to be read as one with it, and do not go on where it ends."""
        rest = self.reader.rest if isinstance(self.reader, CaptureReader) else ()
        return self.files._replace(paths=rest) if rest else None

    @property
    def is_capture(self) -> bool:
        """Whether it holds packets: else it is a bare stream, with neither times nor another direction."""
        return isinstance(self.reader, CaptureReader)

    @property
    def first_time(self) -> int | None:
        """Of the first packet, ns since the epoch; None as long as none was read."""
        return self.reader.first_time_ns if isinstance(self.reader, CaptureReader) else None

    @property
    def source(self) -> SourceResult:
        """The input as a whole, as far as it was read."""
        return source_of(self.path, self.reader, self._census, self._encrypted)

    @property
    def problem(self) -> str | None:
        """In one line, why what was read is not all that the input should hold; None if all is well."""
        is_old = self._legacy and all(self._legacy.values())
        return self.damage or (old_xen(self.name) if is_old else None)

    @property
    def damage(self) -> str | None:
        """In one line, what is wrong with the file, or with those that a user said are one, as far as it was read."""
        troubles = [self.reader.trouble, self.words_not_joined if self.files.is_asked else None]
        return f"{self.name}: {'; '.join(filter(None, troubles))}" if any(troubles) else None

    @property
    def words_not_followed(self) -> str | None:
        """In one line, what was not looked into because there was too much of it."""
        return crowd(self._crowded)

    def read(self, *takers: Take, progress: Callable[[], None] | None = None, sample: Sample | None = None) -> None:
        """Hands every event to each of the takers, in wire order. `progress` is called now and then; `sample` is told
        by a capture's clock how far each direction has come."""

        def emit(event: Event) -> None:
            self._note(event)
            for take in takers:
                take(event)

        engine = Engine(emit, self._keep_pages, sample=sample)
        with self._reading(engine) as reader:
            if isinstance(reader, CaptureReader):
                engine.capture(reader, progress)
                for _ in self._decrypted(engine):
                    pass
            else:
                engine.stream(reader, progress)

    def events(self) -> Iterator[Event]:
        """Every event, in wire order, while the input is read."""
        ready: deque[Event] = deque()
        for _ in self._steps(ready.append):
            while ready:
                yield ready.popleft()

    def _steps(self, take: Take, sample: Sample | None = None) -> Iterator[None]:
        """Reads in steps, each of which may hand on events."""

        def emit(event: Event) -> None:
            self._note(event)
            take(event)

        engine = Engine(emit, self._keep_pages, sample=sample)
        with self._reading(engine) as reader:
            yield from engine.steps(reader)
            yield from self._decrypted(engine)
            yield  # the end brings events, too

    def analyze(self) -> AnalysisResult:
        """Every migration, with its facts and what breaks a rule of the protocol."""
        # Here, as in the methods below: each needs much of the program that the others do not.
        from dissector.analysis import Analysis
        from dissector.results.analysis import AnalysisResult

        analysis = Analysis()
        self.read(analysis.add)
        analysis.finish()
        return AnalysisResult.of(self.source, analysis.migrations)

    def records(self) -> Iterator[RecordResult]:
        """Every record, header and handshake text with its fields, in the order in which they ended on the wire."""
        from dissector.results.records import RecordResult

        ready: deque[RecordResult] = deque()

        def take(record: Record, links: tuple[Link, ...]) -> None:
            ready.append(RecordResult.of(record, links))

        linker = Linker(take)
        for event in self.events():
            linker.add(event)
            while ready:
                yield ready.popleft()
        linker.finish()
        yield from ready

    def timelines(self) -> tuple[TimelineResult, ...]:
        """What of each migration went on the wire when: octets of both directions, and pages by their pfn."""
        from dissector.results.gathered import Gathered

        gathered = Gathered()
        self.read(gathered.add, sample=gathered.sample)
        gathered.finish()
        return gathered.timelines

    def faults(self) -> tuple[FaultResult, ...]:
        """Every page that a postcopy guest asked for, in the order in which it did."""
        from dissector.results.faults import FaultResult

        migrations: dict[int, Migration] = {}
        found: list[Fault] = []

        def take(event: Event) -> None:
            if event.migration not in migrations:
                migrations[event.migration] = Migration(event.migration)
            found.extend(migrations[event.migration].add(event).faults)

        self.read(take)
        return tuple(map(FaultResult.of, found))

    def table(self, name: TableName) -> Iterator[tuple[Any, ...]]:
        """The rows of a table, as `xenshark export --columns` describes it, while the input is read."""
        from dissector.tables.rows import Rows

        ready: deque[tuple[Any, ...]] = deque()
        rows = Rows(self.path, lambda _name, row: ready.append(row), (name,))
        for _ in self._steps(rows.add, rows.sample):
            while ready:
                yield ready.popleft()
        rows.finish(self.source, self.problem)
        yield from ready

    def to_arrow(self, name: TableName) -> pyarrow.Table:
        """A table as Apache Arrow has it. Raises ImportError without pyarrow: pip install 'xenshark[tables]'."""
        from dissector.tables.arrow import collect

        return collect(name, self.table(name))

    def to_pandas(self, name: TableName) -> pandas.DataFrame:
        """A table for pandas. Raises ImportError without pyarrow and pandas."""
        return self.to_arrow(name).to_pandas()

    def to_polars(self, name: TableName) -> polars.DataFrame:
        """A table for polars. Raises ImportError without pyarrow and polars."""
        import polars

        return polars.DataFrame(self.to_arrow(name))

    def _decrypted(self, engine: Engine) -> Iterator[None]:
        """What is in TLS connections to which there are keys, once all else was read; in steps."""
        has_keys = self._keylog is not None or (isinstance(self.reader, CaptureReader) and self.reader.has_secrets)
        if not has_keys or "TLS" not in engine.remarks.ciphers:
            return
        if self.is_read_once:
            raise UserError(f"TLS connections of {self.name} cannot be opened: a capture is read twice for that")
        from dissector.integrations.wireshark.decryption import decrypted

        yield from engine.decrypted(decrypted(self.files, self._keylog))

    @contextmanager
    def _reading(self, engine: Engine) -> Iterator[Reader]:
        """The reader at the beginning of the input; closes it. Raises UserError if no migration was found."""
        if self._is_read:
            if self.is_read_once:
                raise UserError(f"{self.name} can be read once only")
            self.reader = open_source(self.files)
            self._legacy.clear()
        self._is_read = True
        try:
            yield self.reader
        finally:
            self.reader.source.close()
            self.migration_count, self._census = engine.migrations, engine.census
            self._encrypted = engine.likely
            self._crowded = engine.remarks.crowded
        if not engine.migrations:
            raise UserError(no_migration(engine, self.reader, self._keylog))

    def _note(self, event: Event) -> None:
        if isinstance(event, Record):
            self._legacy[event.migration] = event.context.legacy


def _look_at_keys(keylog: str) -> None:
    """Raises UserError if a key log file cannot be read: whether there is anything to open is known later only."""
    try:
        Path(keylog).open("rb").close()
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {keylog}: {getattr(error, 'strerror', None) or error}") from error


def source_of(
    file: str, reader: Reader, census: Mapping[str, int], encrypted: Sequence[Encrypted] = ()
) -> SourceResult:
    """An input as a whole, as far as it was read. `file`: what its user calls it; the rest is the engine's."""
    if not isinstance(reader, CaptureReader):
        return SourceResult(
            file=file_name(file),
            format="stream",
            packets=0,
            bytes=reader.octets,
            first_time=None,
            last_time=None,
            cut_packets=0,
            dropped_packets=0,
        )
    return SourceResult(
        file=file_name(file),
        format="pcapng" if reader.blocks else "pcap",
        packets=reader.frame,
        bytes=reader.octets,
        first_time=time_of(reader.first_time_ns),
        last_time=time_of(reader.last_time_ns),
        joined=tuple(map(file_name, reader.joined)),
        cut_packets=reader.cut,
        dropped_packets=reader.dropped_by_capture,
        census=tuple(map(CensusResult, census.keys(), census.values())),
        encrypted=tuple(_encrypted(one) for one in encrypted),
    )


def _encrypted(one: Encrypted) -> EncryptedResult:
    return EncryptedResult(
        cipher=one.cipher,
        flow=FlowResult(EndpointResult.of(one.flow.source), EndpointResult.of(one.flow.destination)),
        first_time=time_of(one.first_time),
        last_time=time_of(one.last_time),
        bytes=one.octets,
        back=one.back,
        octets_per_second=one.octets * NS / one.duration if one.duration else None,
        retransmitted=one.retransmitted,
        limits=LimitsResult.of_ciphertext(one.spent, one.way, one.duration),
        stall=time_of(max((stall.end - stall.start for stall in one.stalls), default=0)),
        stalls=as_results(one.stalls),
    )


def crowd(count: int) -> str | None:
    """What to say of so many connections that carry more migrations than are followed."""
    if not count:
        return None
    holds = "holds" if count == 1 else "hold"
    return f"{many(count, 'connection')} {holds} more than {MIGRATIONS_MAX} migrations: the others are not looked into"


def old_xen(name: str) -> str:
    """What to say of an input whose migrations are of an older format."""
    return (
        f"{name} holds a stream of Xen 4.5 or older, which is not dissected: "
        "Xen's convert-legacy-stream makes a current one of it"
    )


TLS_ADVICE = (
    "; XCP-ng: capture at the destination with tcpdump -i lo tcp port 80, where stunnel hands on the plain stream, or "
    "set migration-https-only = false in xapi.conf"
)
"""What else helps against TLS. Sources: xapi_stunnel_server.ml ("connect = 80") and xapi_globs.ml of xen-api."""


def _own_name() -> str:
    """By what a shell, and so xl, finds this program: its whole path where the name alone does not do."""
    # Imported here: nearly no run has to say it.
    from shutil import which

    path = os.path.abspath(sys.argv[0])  # noqa: PTH100 (a link in a folder of programs stays one)
    is_found = Path(path).name != "xenshark" or which("xenshark") is not None
    return "xenshark" if is_found or shell_word(path) != path else path


def no_migration(engine: Engine, reader: Reader, keylog: str | None = None) -> str:
    """Why no migration was found, as far as one can tell."""
    return "; ".join(filter(None, (_nothing(engine, reader, keylog), reader.trouble)))


def _nothing(engine: Engine, reader: Reader, keylog: str | None) -> str:
    if not isinstance(reader, CaptureReader):
        looked = f", as far as its first {size(reader.octets)} show" if reader.octets > LATE_SEARCHED else ""
        return f"{reader.name} is neither a capture (pcap, pcapng) nor a migration stream{looked}"
    none = f"no migration found in {reader.name}"
    if keylog is not None and "TLS" in engine.remarks.ciphers:
        return f"{none}: in the TLS connections that the keys in {keylog} open there is none"
    if engine.remarks.ciphers:
        ciphers = ", ".join(sorted(engine.remarks.ciphers))
        return (
            f"{none}: the connection is encrypted ({ciphers}) and only ciphertext was captured{_likely(engine)}; "
            f"record the next one before it is encrypted, with xl migrate -s '{_own_name()} tap -w FILE -- ssh' DOMAIN "
            "HOST, or migrate over a plain transport, such as xl migrate -s '' DOMAIN 'socat - TCP:HOST:PORT'"
        ) + (TLS_ADVICE if "TLS" in engine.remarks.ciphers else "")
    looked = (
        f"{none}: looked for headers of xl, libxl, libxc and xenopsd on every TCP connection, and for "
        f"records of one already running (packets: {reader.frame}, TCP connections: {engine.connected})"
    )
    return "; ".join(filter(None, (looked, _not_looked_into(engine))))


LIKELY_NAMED = 3
"""Encrypted connections that a message names."""


def _likely(engine: Engine) -> str:
    """What TCP shows of the encrypted connections that look like a migration."""
    # Imported here: nearly no input needs it.
    from dissector.views.encrypted import encrypted_as_text

    likely = sorted(engine.likely, key=lambda one: -one.octets)
    more = f"; {many(len(likely) - LIKELY_NAMED, 'more one')} like it" if len(likely) > LIKELY_NAMED else ""
    return "".join(f"; {encrypted_as_text(_encrypted(one))}" for one in likely[:LIKELY_NAMED]) + more


NAMED = 5
"""Kinds of packets that a message names."""


def _not_looked_into(engine: Engine) -> str:
    """What packets were none that anything could be found in, and what to do."""
    kinds = [f"{many(count, 'packet')}: {what}" for what, count in engine.census.items()]
    if not kinds:
        return ""
    # Links that nobody can read are always named: all that is missing may be behind them.
    links = [kind for kind in kinds[NAMED:] if "link type" in kind]
    shown = kinds[:NAMED] + links
    if len(shown) < len(kinds):
        shown.append(f"{many(len(kinds) - len(shown), 'kind')} more")
    said = f"not looked into: {', '.join(shown)}"
    if engine.unread_links:
        numbers = ", ".join(map(str, sorted(engine.unread_links)))
        said += (
            f"; packets of link type {numbers} cannot be read (see tcpdump.org/linktypes.html): "
            "capture on the interface that has the addresses, or on any (tcpdump -i any)"
        )
    elif not engine.connected:
        said += "; capture where the migration's own TCP connection is seen, such as on the host (tcpdump -i any)"
    return said
