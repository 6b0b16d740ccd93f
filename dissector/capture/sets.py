"""Which of the files that a user names hold one capture together, and which captures are in a folder.

Programs that rotate give their files names with a number, a date or both. Names alone join nothing: the files of a set
are put in the order of their first packets, their numbers have to agree with that, and `JoinedReader` holds each to
beginning where the one before has ended. Where a name's date is all there is to go by, which any capture may have in
its name, the next file has to follow within a second.

Sources: ringbuf.c of Wireshark (dumpcap -b), MakeFilename in tcpdump.c (-C, -W, -G), editcap.c (-c, -i).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from os import walk
from pathlib import Path
from typing import NamedTuple, TypeAlias

from dissector.capture.files import Open, is_regular, mode_of, open_file
from dissector.capture.joined import DIRECTLY, SILENCE, FileSet
from dissector.capture.opening import open_capture
from dissector.errors import UserError
from dissector.units import input_name

PACKED = r"(?:\.(?:gz|xz|zst))?"
"""What tcpdump -z and people put behind a name: of a set that is being written the newest file has not got it."""

DATE = (
    r"(?:(?:19|20)\d\d-?[01]\d-?[0-3]\d(?:[-_T:. ]?[0-2]\d[-_:.]?[0-5]\d(?:[-_:.]?[0-5]\d)?)?"  # %Y%m%d%H%M%S, %F_%T
    r"|1\d{9})"  # %s
)


class Pattern(NamedTuple):
    """Names that a program gives the files of a set."""

    name: re.Pattern[str]
    gap: int | None = None
    """ns that may pass at most from one file to the next; None: any time."""
    is_ring: bool = False
    """Whether numbers may begin again, and files are written over."""


def _pattern(name: str, gap: int | None = None, is_ring: bool = False) -> Pattern:
    return Pattern(re.compile(name + PACKED), gap, is_ring)


@cache
def patterns() -> tuple[Pattern, ...]:
    """Those that differ in nothing but `number` and `date` may be one set."""
    return (
        _pattern(r"(?P<stem>.*)_(?P<number>\d{5,})_(?P<date>\d{14})(?P<end>\.[^./]+)?"),  # dumpcap, editcap
        _pattern(r"(?P<stem>.*)_(?P<date>\d{14})_(?P<number>\d{5,})(?P<end>\.[^./]+)?"),  # dumpcap -b nametimenum:2
        _pattern(r"(?P<stem>.*)_(?P<number>\d{5})(?P<end>\.[^./]+)?", SILENCE),  # xenshark live --rotate-size, -time
        _pattern(
            rf"(?P<stem>.*?)(?<!\d)(?P<date>{DATE})(?!\d)(?P<end>.*?\.[a-z]+|\D*?)\d*", DIRECTLY
        ),  # tcpdump -G, and -C
        _pattern(r"(?P<stem>.*\.(?:pcap|pcapng|cap|dmp|dump))(?P<number>\d*)", is_ring=True),  # tcpdump -C, and -W
    )


NAMED = 5
"""Names that a line lists at most."""


_Time: TypeAlias = int | UserError | None
"""When the first packet of a file was captured, None if it has no time; or why it cannot be read."""


class Storage(NamedTuple):
    """Where files are, and how one looks at them."""

    open: Open = open_file
    is_regular: Callable[[str], bool] = is_regular
    """Whether a file can be read again."""
    each: Callable[[Callable[[str], _Time], Iterable[str]], Iterable[_Time]] = map
    """Does something with each of many files, and gives what comes of it in their order."""


HERE = Storage()
"""Files of this machine."""


class Member(NamedTuple):
    """A file whose name is that of a set's."""

    path: str
    number: int | None
    """-1: the first file of tcpdump -C, which has none."""
    date: str | None


class Sets(NamedTuple):
    """What is read."""

    files: list[FileSet]
    """One for each capture."""
    remarks: list[str]
    """What a user has to know, in a line each."""


def first_time(path: str, open: Open = open_file) -> int | None:
    """When the first packet of a file was captured."""
    reader = open_capture(path, open)
    try:
        reader.next_packet()
        return reader.first_time_ns
    finally:
        reader.source.close()


def sets_of(paths: Iterable[str], join: bool | None = None, storage: Storage = HERE) -> Sets:
    """Files to captures. `join`: all of them are one; False: each is one; None: their names say it.

    Raises UserError where files cannot be joined that a user says are one."""
    found = _sets_of(list(paths), join, storage)
    return found._replace(files=[one._replace(open=storage.open) for one in found.files])


def _sets_of(names: Sequence[str], join: bool | None, storage: Storage) -> Sets:
    if len(names) == 1:
        return Sets([FileSet((names[0],))], [])
    if join:
        alike = _alike(names, storage)
        return Sets([_asked(names, storage)], list(filter(None, (_missing_of(*one) for one in alike))))
    if join is False:
        return Sets([FileSet((name,)) for name in names], [])
    found = Sets([], [])
    for pattern, members in _alike(names, storage):
        if pattern is None or len(members) < 2:
            found.files.extend(FileSet((one.path,)) for one in members)
            continue
        for files, remark in _sets(pattern, members, storage):
            found.files.append(files)
            found.remarks.extend([remark] if remark else [])
    return found


class Below(NamedTuple):
    """What is in a folder and below it, but for what is hidden; each in the order of the names."""

    captures: list[str]
    others: list[str]
    problems: dict[str, str]
    """Folders that cannot be read, and why, in a line each."""


def captures_in(folder: str, is_capture: Callable[[str], bool]) -> Below:
    """The captures in a folder. `is_capture` is asked of each file."""
    found = Below([], [], {})

    def fail(error: OSError) -> None:
        found.problems[error.filename] = f"cannot read {error.filename}: {error.strerror or error}"

    for path in sorted(_files_in(folder, fail)):
        (found.captures if is_capture(path) else found.others).append(path)
    return found


def can_be_read_once(path: str) -> bool:
    """Whether what is called so cannot be read again: standard input, a pipe, a device."""
    return path == "-" or (mode_of(path) != 0 and not is_regular(path))


def listed(names: Sequence[str]) -> str:
    """Names in a line, that stays one."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _files_in(folder: str, fail: Callable[[OSError], None]) -> Iterator[str]:
    for below, folders, files in walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = Path(below, name)
            if not name.startswith(".") and is_regular(path):
                yield str(path)


def _alike(names: Sequence[str], storage: Storage) -> Iterable[tuple[Pattern | None, list[Member]]]:
    """Files with those whose names are like theirs. What is no regular file can be read once, and is alone; so is what
    is named twice."""
    found: dict[tuple[object, ...], tuple[Pattern | None, list[Member]]] = {}
    seen: set[str] = set()
    for at, name in enumerate(names):
        path = Path(name)
        matches = ((pattern, pattern.name.fullmatch(path.name)) for pattern in patterns())
        pattern, match = next(((pattern, match) for pattern, match in matches if match), (None, None))
        if match is None or name in seen or not storage.is_regular(name):
            found[name, at] = None, [Member(name, None, None)]
            continue
        seen.add(name)
        parts = match.groupdict()
        number = parts.get("number")
        member = Member(name, None if number is None else int(number or -1), parts.get("date"))
        found.setdefault((pattern, path.parent, parts["stem"], parts.get("end")), (pattern, []))[1].append(member)
    return found.values()


def _runs(pattern: Pattern, members: Sequence[Member]) -> Iterator[list[Member]]:
    """Members in their order, as sets: of names without a date a file that begins earlier and has the greater number is
    left from a set before, whose files were written over."""
    run: list[Member] = []
    wraps = pattern.is_ring and all(one.number != -1 for one in members)
    for one in members:
        if run and not wraps and (run[-1].number or 0) >= (one.number or 0):
            yield run
            run = []
        run.append(one)
    yield run


def _sets(pattern: Pattern, members: Sequence[Member], storage: Storage) -> Iterator[tuple[FileSet, str | None]]:
    """Files whose names are like each other's, as captures, and what there is to say of them."""
    ordered, alone = _timed(members, storage)
    twice = [number for number, count in Counter((one.date, one.number) for one in ordered).items() if count > 1]
    is_numbered = all(one.number is not None for one in ordered)
    if twice:
        same = [one.path for one in ordered if (one.date, one.number) in twice]
        words = f"not joined, as their names say the same: {listed(same)}"
        yield from ((FileSet((one.path,)), words if one is members[0] else None) for one in members)
        return
    for run in _runs(pattern, ordered) if is_numbered else [ordered]:
        numbers = [one.number or 0 for one in run]
        # Where numbers begin again, as with tcpdump -W, the oldest file has not the lowest.
        falls = sum(one > other for one, other in pairwise(numbers))
        is_ring = falls == 1 and numbers[-1] < numbers[0]
        files = FileSet(tuple(one.path for one in run), pattern.gap)
        if falls and not is_ring:
            words = f"not joined, as their packets' times do not go up with their numbers: {listed(files.paths)}"
            yield from ((FileSet((one.path,)), words if one is run[0] else None) for one in run)
        else:
            yield files, _missing(files, numbers) if is_numbered else None
    yield from ((FileSet((one.path,)), None) for one in alone)


def _missing(files: FileSet, numbers: Sequence[int]) -> str | None:
    there = sorted({max(number, 0) for number in numbers})
    spans = [(one + 1, other - 1) for one, other in pairwise(there) if other > one + 1]
    if not spans:
        return None
    words = [str(first) if first == last else f"{first} to {last}" for first, last in spans]
    is_one = len(spans) == 1 and spans[0][0] == spans[0][1]
    return f"{files.name}: {'number' if is_one else 'numbers'} {listed(words)} {'is' if is_one else 'are'} missing"


def _missing_of(pattern: Pattern | None, members: Sequence[Member]) -> str | None:
    """What is missing of files whose names are like each other's, whoever says that they are one."""
    numbers = [one.number for one in members if one.number is not None]
    if pattern is None or len(members) < 2 or len(numbers) < len(members):
        return None
    return _missing(FileSet(tuple(sorted(one.path for one in members))), numbers)


def _timed(members: Sequence[Member], storage: Storage) -> tuple[list[Member], list[Member]]:
    """Files in the order of their first packets, and those that have no such packet that can be read: what is wrong
    with them is said when they are opened. One without packets follows the one before it."""
    timed: list[tuple[int, Member]] = []
    alone: list[Member] = []
    latest = 0
    by_name = sorted(members, key=lambda one: (one.date or "", one.number or 0))
    for member, time in zip(by_name, storage.each(_look(storage), (one.path for one in by_name)), strict=True):
        if isinstance(time, UserError):
            alone.append(member)
        else:
            latest = time or latest
            timed.append((latest, member))
    return [member for _, member in sorted(timed, key=lambda one: one[0])], alone


def _look(storage: Storage) -> Callable[[str], _Time]:
    """What gives a file's first time, or what is wrong with it."""

    def look(path: str) -> _Time:
        try:
            return first_time(path, storage.open)
        except UserError as error:
            return error

    return look


def _asked(paths: Sequence[str], storage: Storage) -> FileSet:
    """All of the files as one, in the order of their first packets."""
    for path in paths:
        if can_be_read_once(path):
            raise UserError(f"{input_name(path)} can be read once only, and --join looks into each file first")
    names = list(dict.fromkeys(paths))
    timed: list[tuple[int, int, str]] = []
    for at, (path, time) in enumerate(zip(names, storage.each(_look(storage), names), strict=True)):
        if isinstance(time, UserError):
            raise time
        timed.append((time or 0, at, path))
    timed.sort()
    return FileSet(tuple(path for *_, path in timed), is_asked=True)
