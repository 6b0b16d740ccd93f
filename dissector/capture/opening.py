"""A path to what is in it: a capture in either format, or anything else as a bare stream of octets."""

from functools import partial

from dissector.capture import pcap, pcapng
from dissector.capture.files import Octets, Open, open_file, open_octets
from dissector.capture.foreign import FIRST, name_of
from dissector.capture.formats import PCAP_HEADER
from dissector.capture.joined import FileSet, JoinedReader
from dissector.capture.reader import BUFFER, CaptureReader
from dissector.errors import UserError


class StreamReader:
    """The octets of a file that is no capture, such as a save file; nobody judges here what they mean."""

    def __init__(self, source: Octets, name: str, buffer: bytearray, end: int) -> None:
        """`buffer` already holds the first `end` octets of the file."""
        self.source = source
        self.name = name
        self.octets = 0
        """Octets of the file read so far, decompressed."""
        self._view = memoryview(buffer)
        self._end = end

    @property
    def trouble(self) -> str | None:
        """One line why the file was not read to its end."""
        return self.source.trouble

    def read(self) -> memoryview:
        """The next octets, empty at the end. A part of a buffer: good until the next read. Never raises."""
        end = self._end or self.source.readinto(self._view)
        self._end = 0
        self.octets += end
        return self._view[:end]


def open_source(files: str | FileSet) -> CaptureReader | StreamReader:
    """Open a file ("-" is standard input), compressed or not, or several that hold one capture; the first octets of
    each say what it is.

    Raises UserError when it cannot be opened, is empty, is a capture whose very header is damaged, or one in a format
    that is not read: the message says how it is converted. Of several files the first one decides.
    """
    one = FileSet((files,)) if isinstance(files, str) else files
    if one.problem is not None:
        raise UserError(one.problem)
    if len(one.paths) > 1:
        return JoinedReader(one, partial(open_capture, open=one.open))
    source, name = open_octets(one.paths[0], one.open)
    try:
        return recognise(source, name)
    except UserError:
        source.close()
        raise


def open_capture(path: str, open: Open = open_file) -> CaptureReader:
    """As `open_source`; raises UserError also of a file that holds no packets."""
    reader = open_source(FileSet((path,), open=open))
    if isinstance(reader, CaptureReader):
        return reader
    reader.source.close()
    raise UserError(f"{path} is no capture (pcap, pcapng): only packets can be read on from one file to the next")


def recognise(source: Octets, name: str) -> CaptureReader | StreamReader:
    """What is in octets that are open already: waits for the first of them.

    Raises UserError as `open_source` does; the source stays open.
    """
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    end = 0
    while end < PCAP_HEADER and (count := source.readinto(view[end:])):
        end += count
    if not end:
        raise UserError(f"cannot read {name}: {source.trouble}" if source.trouble else f"{name} is empty")
    magic = bytes(buffer[:4])
    if magic in pcap.MAGICS:
        return pcap.PcapReader(source, name, buffer, end)
    if magic == pcapng.MAGIC:
        return pcapng.PcapngReader(source, name, buffer, end)
    foreign = name_of(bytes(buffer[: min(end, FIRST)]), name)
    if foreign is not None:
        raise UserError(foreign)
    return StreamReader(source, name, buffer, end)
