"""Stands between a program and the command it meant to start: relays both ways, and hides that it is there.

Of each direction at most CHUNK octets are under way here, and one pipe more than without: pages that a guest waits
for stand in line behind as little as possible. Whoever stops reading is seen at once, and the writer is told as a
pipe would tell it. Signals go on to the command, and its end is this program's end.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from dissector.recording.packets import HERE, THERE
from dissector.recording.recorder import Tape

CHUNK = 60 << 10
"""Octets read at once: one packet, and nearly all that a pipe holds."""

QUIET = 1
"""Milliseconds without anything to pass on after which there is time for what is not urgent."""

PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)

FROM_TERMINAL = 0x80
"""si_code of a signal that the kernel sent (SI_KERNEL of sigaction(2)): by a key, to all that share the
terminal."""


def carry(side: int, source: int, target: int, tape: Tape) -> None:
    """Passes on what a side says until it ends or nobody listens, then lets go of both descriptors."""
    try:
        itself = _carry(side, source, target, tape)
    except OSError:  # the target is gone; or the source is, which is the same to it as an end
        itself = False
    tape.closed(side, itself)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (source, target):
        os.dup2(nothing, descriptor)  # not closed: its number must not become another file's
    os.close(nothing)


def _carry(side: int, source: int, target: int, tape: Tape) -> bool:
    """Until one of the two is gone; whether it was the source."""
    poll = select.poll()
    poll.register(source, select.POLLIN)
    poll.register(target, 0)  # only for the errors: nobody listens any more
    while True:
        events = dict(poll.poll(QUIET if tape.behind else None))
        while not events:
            tape.catch_up()
            events = dict(poll.poll(0 if tape.behind else None))
        if target in events:
            if events.get(source, 0) & select.POLLIN:
                tape.sent(side, os.read(source, CHUNK))  # which nobody takes
            return False
        try:
            octets = os.read(source, CHUNK)
        except BlockingIOError:
            continue
        if not octets:
            return True
        tape.sent(side, octets)
        rest = memoryview(octets)
        while rest:
            count = _write(target, rest)
            tape.taken(side, count)
            rest = rest[count:]


def _write(target: int, octets: memoryview) -> int:
    """At least one octet: waits, also where somebody who shares the descriptor made it non-blocking."""
    while True:
        try:
            return os.write(target, octets)
        except BlockingIOError:
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            poll.poll()


def look_for(command: str) -> None:
    """Raises the OSError of starting it, when there is no such command: before anything is lost to that."""
    folders = os.get_exec_path()
    if shutil.which(command, path=os.pathsep.join(folders) or os.curdir):
        return
    if "/" in command:
        Path(command).stat()
    elif not command or not any(Path(folder, command).exists() for folder in folders):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def run(words: list[str], tape: Tape, tick: Callable[[], None], interval: float) -> int:
    """Runs a command with this process's standard input and output, recorded. Gives its exit status, or the
    negative number of the signal that ended it. `tick` is called every so often (seconds) meanwhile.

    Raises OSError if the command cannot be started.
    """
    to_command, from_command = os.pipe(), os.pipe()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would take the exit status with it
    watched = {number for number in PASSED_ON if signal.getsignal(number) is not signal.SIG_IGN}
    watched.add(signal.SIGCHLD)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    try:
        command = os.posix_spawnp(
            words[0],
            words,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, to_command[0], 0),
                (os.POSIX_SPAWN_DUP2, from_command[1], 1),
            ],
            setsigmask=before,
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # which Python ignores
        )
        os.close(to_command[0])
        os.close(from_command[1])
        relays = [
            Thread(target=carry, args=(HERE, 0, to_command[1], tape), daemon=True),
            Thread(target=carry, args=(THERE, from_command[0], 1, tape), daemon=True),
        ]
        for relay in relays:
            relay.start()
        status = _attend(command, watched, tick, interval)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for relay in relays:  # what the command left behind may still read or write
        while relay.is_alive():
            relay.join(interval)
            tick()
    return status


def _attend(command: int, watched: set[signal.Signals], tick: Callable[[], None], interval: float) -> int:
    """Passes signals on until the command has ended."""
    while True:
        received = signal.sigtimedwait(watched, interval)
        if received and received.si_signo != signal.SIGCHLD and received.si_code != FROM_TERMINAL:
            os.kill(command, received.si_signo)
        tick()
        ended, status = os.waitpid(command, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)


def end_like(status: int) -> int:
    """Gives an exit status as it is; of a signal this process dies, as the command did."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # one core file is enough
        if -status != signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status
