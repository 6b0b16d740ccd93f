"""Rules of what surrounds the streams: xl's closing messages, and how much the capture holds."""

from __future__ import annotations

from functools import partial

from dissector.rules.rule import Rule

_rule = partial(Rule, group="toolstack and capture")

RULES = (
    _rule(
        id="xl-handshake",
        severity="error",
        wireshark=True,
        summary="A closing message of xl is not the expected one",
        source="migrate_read_fixedmessage(), migrate_domain() and migrate_receive() in xl_migrate.c",
        why="xl compares each message octet by octet, its NUL included. If 'domain received, ready to"
        " unpause' is wrong, the source resumes its guest; once it has given permission to start, a wrong"
        " message leaves the state of both copies unknown, and xl says so. After postcopy the source does"
        " not look at the message.",
        example="'domain received, ready to unpause' without its NUL; legal: the same 33 octets and a NUL",
    ),
    _rule(
        id="xl-target-failed",
        severity="warning",
        wireshark=True,
        summary="The destination reported that it could not start the guest",
        source="migrate_receive() in xl_migrate.c; error in libxl_types.idl",
        why="The octet after 'my copy unpause results are as follows' is 0 for success, else a libxl error"
        " negated. The destination then destroys its copy and gives the permission to run back; the source"
        " resumes its guest when it has read that.",
        example="status octet 3 (ERROR_FAIL); no finding: status octet 0",
    ),
    _rule(
        id="capture-gap",
        severity="note",
        summary="The capture has lost octets that were on the wire",
        source="RFC 9293, section 3.4: octets missing between sequence numbers that were seen or acknowledged",
        why="The two ends of the migration did get these octets; only the capture did not. What they carried"
        " is unknown, and no rule is judged that would need it.",
        example="octets 1000 to 2447 of a direction in no packet; no finding: the same octets in a later"
        " retransmission",
    ),
    _rule(
        id="capture-cut",
        severity="note",
        summary="The capture holds only the beginning of some packets",
        source="pcap and pcapng packet headers: captured length below original length",
        why="The capturing program was told to keep a limited number of octets of each packet. The rest was"
        " sent and has its place in the stream, but its contents are unknown.",
        example="captured 128 of 1514 octets; no finding: captured 1514 of 1514",
    ),
    _rule(
        id="stream-resynchronised",
        severity="warning",
        wireshark=True,
        summary="The way through the records was lost over missing octets and found again later",
        source="libxc specification, Records: a header can be found only through the lengths before it",
        why="No marker stands before a record, so the next header is searched for by what a header and its"
        " body can look like. The octets passed over are not dissected, and no rule is judged on them.",
        example="a gap over two record headers; no finding: a gap inside one body",
    ),
    _rule(
        id="capture-starts-late",
        severity="note",
        summary="The beginning of the connection was not captured",
        source="RFC 9293, section 3.5: no SYN was seen",
        why="The headers of the stream, and with them its version, byte order and guest type, may be"
        " missing, so these are concluded from the records that were captured. Nothing is known of what came"
        " earlier.",
        example="first packet without SYN; no finding: SYN, SYN-ACK, ACK",
    ),
    _rule(
        id="tcp-conflict",
        severity="warning",
        summary="A retransmitted segment holds other octets than those seen first",
        source="RFC 9293, section 3.4: a sequence number stands for one octet",
        why="Xen is not the cause: it writes to a byte stream and never sees segments. The capture is"
        " damaged, two connections were taken for one, or something on the path alters packets; which of the"
        " two versions the receiver got cannot be known.",
        example="octet 100 is 0x00, in the retransmission 0x2a; no finding: 0x00 both times",
    ),
)
