"""The command `xenshark`: which commands there are, and how each of them ends.

A command is a module of this package with `add(subparsers)`, which says what it takes, and `run(arguments)`,
which gives the exit status. Only the module of the command that was asked for is imported.
"""

from __future__ import annotations

import argparse
import gc
import io
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from dissector import __version__
from dissector.cli import settings
from dissector.errors import UserError

# fmt: off
COMMANDS = (
    "analyze", "report", "plot", "view", "read", "guest", "diff", "check", "faults", "rules", "export", "fleet", "live",
    "tap", "replay", "extract", "lua", "crosscheck", "schema", "completion", "manual",
)

PEOPLE = ("analyze", "read", "guest", "diff", "check", "faults", "rules")
"""Commands that print text for people: they have colours and a pager."""
# fmt: on

COLORS = ("auto", "always", "never")

DONE, WRONG, INTERRUPTED = 0, 2, 130
"""Exit statuses; 1 is for a command that found what it looks for. 130: what a shell says of SIGINT."""

TRACEBACK = "XENSHARK_TRACEBACK"
"""The variable with which a mistake of the program ends in Python's own traceback."""

EXAMPLES = """\
examples:
  xenshark read migration.pcap            one line for each record
  xenshark read -V migration.pcap.zst     with every field; compressed files are read as they are
  xenshark read --json saved.img          a file of `xl save`, as JSON lines
  tcpdump -U -i eth0 -w - tcp | xenshark read -   a migration that goes on
  xenshark analyze migration.pcap         a summary of each migration
  xenshark report a.pcap -o report.html   one page to look at and to hand round
  xenshark guest saved.img                the guest as it was when it stopped
  xenshark diff good.pcap bad.pcap        what differs between two guests and their migrations
  xenshark check *.pcap                   what breaks a rule of the protocol
  xenshark faults --slowest 9 post.pcap   the pages that a postcopy guest waited longest for
  xenshark export -o tables *.pcap        all of that as Parquet tables
  xenshark live -i eth0                   migrations while they go on
  xenshark lua --install                  the dissector for Wireshark
  xl migrate -s 'xenshark tap -w post.pcapng -- ssh' DOMAIN HOST   record what goes through ssh

`xenshark COMMAND --help` says more.
Exit status: 0 done, 1 `check` found errors, `diff` or `crosscheck` a difference, 2 the input or the usage is wrong.
"""


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with the usage."""

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse has it, but as wide as a terminal, and what cannot be written is an error here as anywhere."""
        if message and file is not None:
            if file is sys.stdout and file.isatty():
                # Imported here: programs and files need none of it.
                from dissector.cli.terminal import fitted

                message = fitted(message)
            file.write(message)

    def error(self, message: str) -> NoReturn:
        self.exit(WRONG, f"xenshark: {message} (see {self.prog} --help)\n")


class Version(argparse.Action):
    """Says the version and, where that can be either, whether the TCP core is compiled; imports nothing before."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        words = f"xenshark {__version__}"
        with suppress(ImportError):
            is_compiled = import_module("dissector.tcp.core").COMPILED
            words += f" (TCP core: {'compiled' if is_compiled else 'pure Python'})"
        print(words)
        print(f"Python {sys.version.split()[0]}; {', '.join(_versions())}")
        parser.exit()


LIBRARIES = ("construct", "scapy", "pyshark", "rich", "zstandard", "pyarrow", "textual")


def _versions() -> Iterator[str]:
    """Of what bugs may come from, as far as it is there. None of it is imported or run for that, and importlib.metadata
    alone would make the start half as long again: folders are named name-version.dist-info (PEP 376)."""
    found: dict[str, str] = {}
    for folder in sys.path:
        with suppress(OSError):
            for name in os.listdir(folder):  # noqa: PTH208 (half the time)
                if name.endswith(".dist-info"):
                    library, _, version = name.removesuffix(".dist-info").partition("-")
                    found.setdefault(library.lower(), version)
    yield from (f"{name} {found[name]}" for name in LIBRARIES if name in found)
    programs = (Path(folder, "tshark") for folder in os.environ.get("PATH", "").split(os.pathsep))
    tshark = next((program for program in programs if os.access(program, os.X_OK)), None)
    yield f"tshark at {tshark}" if tshark else "no tshark"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` is what follows the program's name. Gives the exit status."""
    # The caller may have closed either: then what is printed cannot be written, and complaints are lost.
    for name, mode in (("stdout", os.O_RDONLY), ("stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, mode), "w"))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A guest may have a name that the terminal's character set cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:], True) if argv is None else _run(list(argv), False)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        _drop_output()
        return DONE
    except OSError as error:  # sources keep theirs to themselves: this is the output's
        _drop_output()
        name = f" {os.fsdecode(error.filename)}" if error.filename else ""
        return complain(f"cannot write{name}: {error.strerror or error}")
    except MemoryError:
        _drop_output()
        return complain("out of memory: what the input holds needs more than there is")
    except Exception as error:
        # Python's own end would be 1, which says that something was found.
        if TRACEBACK in os.environ:
            raise
        _drop_output()
        where = _innermost(error)
        return complain(f"a mistake of xenshark, {type(error).__name__} in {where}: {error}; please report it")
    return status


def _meant(words: list[str]) -> list[str]:
    """A command line with the habits of git and tshark, as this program has it."""
    if words[:1] == ["help"]:
        return [*words[1:2], "--help"]
    if words == ["version"]:
        return ["--version"]
    # A file or folder alone, be it there or not: its summary is what was meant.
    is_file = bool(words) and words[0] not in COMMANDS and (words[0] in ("-r", "-") or _is_path(words[0]))
    return ["analyze", *words] if is_file else words


def _is_path(word: str) -> bool:
    return not word.startswith("-") and ("." in word or os.sep in word or Path(word).exists())


OWN = ("-h", "--help", "--version")
"""Options before a command."""


def _look_at(first: str) -> None:
    """Raises UserError if a command line begins with what is neither a command nor such an option."""
    if first in COMMANDS or any(option.startswith(first) for option in OWN):
        return
    if first.startswith("-"):
        name = first.partition("=")[0]
        raise UserError(f"there is no option {name} before a command (see xenshark --help, xenshark COMMAND --help)")
    from difflib import get_close_matches  # here, as nearly no run needs it

    near = get_close_matches(first, COMMANDS)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    raise UserError(f"there is no command and no file {first}{meant} (see xenshark --help)")


def _run(words: list[str], is_all: bool) -> int:
    """`is_all`: whether the process does nothing else."""
    words = _meant(words)
    asked = next((word for word in words if not word.startswith("-")), None)
    # To say the version no command is needed; to list them all are.
    needed = [asked] if asked in COMMANDS else [] if words[:1] == ["--version"] else COMMANDS
    given = settings.NONE
    try:
        if words:
            _look_at(words[0])
        if is_all:
            # Nothing that is imported becomes garbage, and looking for it takes a fifth of the time to start.
            gc.disable()
        modules = {name: import_module(f"{__name__}.{name}") for name in needed}
        if is_all:
            gc.freeze()
            gc.enable()
        parser, commands = _parser(modules)
        if asked in commands:
            at = words.index(asked) + 1
            given = settings.settings(asked, commands[asked], words, COMMANDS)
            words = [*words[:at], *given.words, *words[at:]]
        arguments, unknown = parser.parse_known_args(words)
        if unknown:
            _refuse(arguments.command, unknown)
        with _watched(arguments):
            return int(modules[arguments.command].run(arguments))
    except SystemExit as end:
        return int(end.code or DONE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except UserError as error:
        return complain(given.blamed(error), error.excerpt)


def _refuse(command: str, unknown: Sequence[str]) -> NoReturn:
    """Raises UserError that names the options which the command does not have, and no file that stands beside them."""
    options = [word for word in unknown if word.startswith("-") and word != "-"]
    what = f"no option {', '.join(options)}" if options else f"nothing that {' '.join(unknown)} could be"
    raise UserError(
        f"{command} has {what}{INSTEAD.get(options[0], '') if options else ''} (see xenshark {command} --help)"
    )


INSTEAD = {
    "-Y": "; read, faults and check take filters",
    "-T": "; read, faults and check print fields",
    "-e": "; read, faults and check print fields",
    "-r": "; FILE stands by itself",
}
"""What tshark's options are called here."""


def whole_parser() -> tuple[Parser, dict[str, argparse.ArgumentParser]]:
    """The parser of every command, and those of each."""
    return _parser({name: import_module(f"{__name__}.{name}") for name in COMMANDS})


def _parser(modules: Mapping[str, ModuleType]) -> tuple[Parser, dict[str, argparse.ArgumentParser]]:
    parser = Parser(
        prog="xenshark",
        description="Dissects and analyzes Xen live migrations: captures (pcap, pcapng) and save files.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=Version, nargs=0, help="say the version, and how it was built")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in modules.items():
        module.add(subparsers)
        if name in PEOPLE:
            own = subparsers.choices[name]
            own.add_argument("--color", choices=COLORS, default="auto", help="colours; auto: on a terminal")
            own.add_argument("--no-pager", dest="pager", action="store_false", help="no pager for long output")
    return parser, dict(subparsers.choices)


def _watched(arguments: argparse.Namespace) -> AbstractContextManager[None]:
    """Standard output with colours and a pager, if a person watches it."""
    if arguments.command not in PEOPLE or not (sys.stdout.isatty() or arguments.color == "always"):
        return nullcontext()
    # Imported here: programs and files need none of it.
    from dissector.cli.terminal import watched

    return watched(arguments)


def _innermost(error: BaseException) -> str:
    import traceback  # here, as nearly no run has a mistake to tell of

    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "an unknown place"


def complain(line: str, excerpt: Sequence[str] = ()) -> int:
    """Says what is wrong, behind what was printed before; `excerpt`: lines below it. Gives the exit status."""
    # Imported here: nearly no run complains.
    from dissector.units import printable

    sys.stdout.flush()
    with suppress(OSError):  # nobody can be told then but by the exit status
        print("\n".join((f"xenshark: {printable(line)}", *map(printable, excerpt))), file=sys.stderr)
    return WRONG


def _drop_output() -> None:
    """What is still buffered goes nowhere, so that the interpreter's own last flush finds nothing wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
