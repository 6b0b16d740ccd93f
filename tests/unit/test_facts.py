"""The facts of a migration from events written by hand: no octet, packet or parser is needed for any of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import get_args

import pytest
from happened import FLOW, MS, Story

from dissector.events import FORWARD, REVERSE, Gap, PacketsCut, Record
from dissector.facts import Link, Linker, Links, PhaseName, links
from dissector.protocol import PHASES

HEADERS = ("xl header", "libxl header", "image header", "domain header")
CONTEXT = ("X86_TSC_INFO", "HVM_CONTEXT", "HVM_PARAMS")


def live(**how: object) -> Story:
    """A live migration up to the END of its libxc stream."""
    story = Story(**how).tell(*HEADERS, "STATIC_DATA_END")  # type: ignore[arg-type]
    for pfns in (range(8), range(8, 12), range(4)):
        story.record("PAGE_DATA", pfns, length=4096, takes=2)
    return story.tell(*CONTEXT, "END")


def postcopy() -> Story:
    """A postcopy migration up to the transition: pfns 0x10 to 0x17 are missing at the destination."""
    story = Story(version=2).tell(*HEADERS)
    story.record("PAGE_DATA", range(4))
    story.tell("POSTCOPY_BEGIN", "HVM_CONTEXT", "POSTCOPY_PFNS_BEGIN")
    story.record("POSTCOPY_PFNS", range(0x10, 0x18))
    return story.tell("POSTCOPY_TRANSITION", "libxl.POSTCOPY_TRANSITION_END")


def passes(*lengths: int) -> Story:
    """A live migration whose passes over memory send so many pages, one a ms."""
    story = Story().tell(*HEADERS, "STATIC_DATA_END")
    for length in lengths:
        story.record("PAGE_DATA", range(length), length=4096 * length, takes=length)
    return story.tell(*CONTEXT, "END")


# Directions


def test_two_migrations_on_one_connection_have_each_their_own_octets() -> None:
    first = live()
    second = live(number=1, starts={FORWARD: first.offset[FORWARD], REVERSE: 100})
    second.gap(1448, record="PAGE_DATA").record("PAGE_DATA", [50])
    one, other = first.end("renewed").facts(), second.end(retransmitted=77).facts()
    assert one.forward.seen == first.offset[FORWARD]
    assert (one.forward.gaps, one.forward.retransmitted) == ([], 0)
    assert other.forward.started == first.offset[FORWARD]
    assert other.forward.seen == second.offset[FORWARD] - first.offset[FORWARD] - 1448
    assert other.forward.gaps == [Gap(1, FORWARD, second.offset[FORWARD] - 16 - 1448, 1448, "PAGE_DATA")]
    assert other.forward.retransmitted == 77 and other.reverse.seen == 0
    assert (one.forward.is_damaged, other.forward.is_damaged) == (False, True)


def test_a_way_that_is_lost_and_found() -> None:
    story = live().lose()
    facts = story.facts().forward
    assert (facts.is_followed, facts.lost_at) == (False, story.offset[FORWARD])
    facts = story.regain(300).tell("libxl.END").facts().forward
    assert (facts.is_followed, facts.lost_at, facts.not_followed) == (True, None, 300)


def test_the_record_at_hand_counts_as_far_as_it_came() -> None:
    story = live()
    facts = story.progress(story.offset[FORWARD] + 500, retransmitted=8).facts().forward
    assert (facts.seen, facts.retransmitted) == (story.offset[FORWARD] + 500, 8)


def test_packets_cut_at_the_snap_length_are_damage() -> None:
    story = live()
    story.events.append(PacketsCut(0, FORWARD))
    assert story.facts().forward.is_damaged and not story.facts().reverse.is_damaged


def test_a_record_tells_how_much_of_the_other_direction_had_come() -> None:
    story = live()
    story.tell("reverse report", acked=4000, body=b"\0")
    facts = story.facts()
    assert (facts.forward.acked, facts.reverse.acked) == (4000, 0)


# Pages, iterations, phases


def test_a_record_that_was_not_filled_ends_an_iteration() -> None:
    """Passes over a few pages whose pfns happen to ascend are passes all the same."""
    story = Story().tell(*HEADERS, "STATIC_DATA_END")
    for first, length in ((0, 1024), (1024, 1024), (2048, 7), (9, 2), (20, 3), (30, 1), (31, 1024), (1055, 5)):
        story.record("PAGE_DATA", range(first, first + length), length=4096, takes=length)
    facts = story.tell(*CONTEXT, "END").facts()
    assert [one.entries for one in facts.iterations] == [2055, 2, 3, 1, 1029]


def test_convergence_compares_what_is_written_to_with_what_is_sent() -> None:
    fewer, more = passes(1000, 200, 40, 8).facts().convergence, passes(1000, 200, 400, 800).facts().convergence
    assert fewer is not None and fewer.converging and fewer.sent_pages_per_second == pytest.approx(1000, rel=0.05)
    assert more is not None and not more.converging
    assert passes(1000).facts().convergence is None


def test_a_guest_that_stood_still_did_not_migrate_live() -> None:
    story = Story().tell(*HEADERS, "STATIC_DATA_END")
    story.record("PAGE_DATA", range(8), length=4096)
    assert story.tell(*CONTEXT, "END").facts().kind == "non-live"
    assert live().facts().kind == "live"


def test_the_guest_as_its_toolstack_tells_it() -> None:
    said = json.dumps({"id": "6f1b", "name": 'a "b"', "ty": ["PVH", {}], "vcpu_max": 4, "memory_static_max": 1 << 30})
    quoted = said.replace("\\", "\\\\").replace('"', '\\"')
    story = Story()
    story.record("xenops.XENOPS", body=f'((time 1)(vm_str "{quoted}"))'.encode())
    guest = story.facts().guest
    assert (guest.name, guest.uuid, guest.type, guest.vcpus, guest.memory) == ('a "b"', "6f1b", "pvh", 4, 1 << 30)


def test_iterations_begin_where_the_pfns_start_again_from_below() -> None:
    story = live()
    facts = story.facts()
    assert [(one.index, one.entries) for one in facts.iterations] == [(0, 12), (1, 4)]
    assert (facts.pages.entries, facts.pages.pfns.count, facts.pages.sent_again) == (16, 12, 4)
    story.tell("VERIFY").record("PAGE_DATA", [100])
    assert [one.verify for one in story.facts().iterations] == [False, False, True]


def test_phases_follow_the_roles_of_records() -> None:
    assert get_args(PhaseName) == PHASES
    story = live()
    facts = story.facts()
    assert [phase.name for phase in facts.phases] == ["handshake", "precopy", "stop", "finish"]
    assert sum(phase.octets(facts.forward) for phase in facts.phases) == facts.forward.seen
    assert [phase.end_time for phase in facts.phases[:-1]] == [phase.start_time for phase in facts.phases[1:]]


def test_a_gap_is_in_no_phase() -> None:
    story = Story().tell(*HEADERS)
    story.gap(1000, record="PAGE_DATA").record("PAGE_DATA", [1], length=2000, offset=story.offset[FORWARD] - 1000)
    facts = story.facts()
    assert [phase.octets(facts.forward) for phase in facts.phases] == [64, 1000]


def test_where_the_way_was_lost_a_fault_tells_that_the_transition_is_over() -> None:
    story = Story(version=2).tell(*HEADERS)
    story.record("PAGE_DATA", [1])
    story.lose().record("POSTCOPY_FAULT", [0x10])
    assert [phase.name for phase in story.facts().phases] == ["handshake", "precopy", "postcopy"]


def test_static_data_of_version_3_in_version_2_is_told_by_its_body() -> None:
    story = Story(version=2).tell(*HEADERS)
    story.record("POSTCOPY_PFNS_BEGIN", body_length=48)
    story.record("POSTCOPY_BEGIN")
    story.record("PAGE_DATA", [1])
    story.record("POSTCOPY_PFNS_BEGIN", body_length=48)
    noted = [one.static_data for one in story.noted()[-4:]]
    assert noted[0] == "record 0x11 has 48 octets: CPUID leaves, and a POSTCOPY_PFNS_BEGIN has none"
    assert noted[1] == "record 0x10 after CPU policies: STATIC_DATA_END, and no POSTCOPY_BEGIN"
    assert noted[2:] == [None, None]
    assert [phase.name for phase in story.facts().phases] == ["handshake", "precopy", "stop"]


# Faults and their pages


def test_a_page_may_have_been_in_flight() -> None:
    """What a record asked, and what it answered, is noted of it and lies nowhere else."""
    story = postcopy()
    page = story.record("POSTCOPY_PAGE_DATA", [0x10, 0x11], takes=5)
    asked = story.record("POSTCOPY_FAULT", [0x10], first=page.first, last=page.last)
    late = story.record("POSTCOPY_FAULT", [0x12])
    answer = story.record("POSTCOPY_PAGE_DATA", [0x12, 0x13], takes=3)
    again = story.record("POSTCOPY_FAULT", [0x12])
    *_, first, second, third, fourth, fifth = story.noted()
    assert (first.faults, first.answered) == ((), ())
    assert [(one.pfn, one.asked, one.answer, one.in_flight) for one in second.answered] == [(0x10, asked, page, True)]
    assert [(one.pfn, one.asked) for one in third.faults] == [(0x12, late)] and third.answered == ()
    assert [(one.answer, one.in_flight) for one in fourth.answered] == [(answer, False)]
    assert fifth.faults == () and [(run.first, run.length) for run in fifth.again] == [(0x12, 1)]
    faults = story.facts().faults
    assert (faults.asked.count, faults.answered, faults.in_flight, faults.pushed) == (2, 2, 1, 2)
    assert list(faults.latencies) == [answer.last.time - late.last.time] == [4 * MS]
    assert (faults.outstanding.count, faults.never_sent) == (8, 4)
    assert again.index == 2


def test_a_record_is_held_back_until_its_links_are_known() -> None:
    story = postcopy()
    before = story.record("POSTCOPY_PAGE_DATA", [0x10])
    fault = story.record("POSTCOPY_FAULT", [0x10, 0x12])
    story.record("POSTCOPY_COMPLETE")
    answer = story.record("POSTCOPY_PAGE_DATA", [0x12])
    given: list[tuple[Record, tuple[Link, ...]]] = []
    linker = Linker(lambda record, links: given.append((record, links)))
    for event in story.events:
        linker.add(event)
    records = [event for event in story.events if isinstance(event, Record)]
    assert [record for record, _ in given] == records[:-4], "nothing waits before the first fault or page"
    linker.finish()
    assert [record for record, _ in given] == records
    links = dict(given[-4:])
    assert links[before] == (Link(0x10, fault, True),)
    assert links[fault] == (Link(0x10, before, True), Link(0x12, answer, False))
    assert links[answer] == (Link(0x12, fault, False),)


def test_links_grow_for_who_cannot_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    story = postcopy()
    fault = story.record("POSTCOPY_FAULT", [0x12])
    later = story.record("POSTCOPY_FAULT", [0x12])
    answer = story.record("POSTCOPY_PAGE_DATA", [0x12])
    found = Links()
    grown = [found.add(one) for one in (fault, later)]
    assert grown == [[], []]
    assert found.add(answer) == [Link(0x12, fault, False)]
    assert grown == [[Link(0x12, answer, False)], [Link(0x12, answer, False)]]
    monkeypatch.setattr(links, "GROWING_MAX", 2)
    found = Links()
    grown = [found.add(one) for one in (fault, later, answer)]
    assert grown == [[], [Link(0x12, answer, False)], [Link(0x12, fault, False)]]


def test_the_moments_of_a_postcopy_migration() -> None:
    story = postcopy()
    facts = story.facts()
    records = {event.name: event for event in story.events if isinstance(event, Record)}
    begun, resumed = records["POSTCOPY_BEGIN"], records["POSTCOPY_TRANSITION_END"]
    assert facts.postcopy.downtime == resumed.last.time - begun.first.time
    assert facts.downtime is not None and facts.downtime.at_least == facts.postcopy.downtime
    assert (facts.kind, facts.postcopy_duration) == ("postcopy", None)
    complete = story.record("POSTCOPY_COMPLETE")
    assert story.facts().postcopy_duration == complete.last.time - resumed.last.time


def test_a_vcpu_waits_while_any_fault_is_outstanding() -> None:
    """The union of all of them, and not their sum: 1 ms from a record to the next."""
    story = postcopy()
    story.record("POSTCOPY_FAULT", [0x11])
    story.record("POSTCOPY_FAULT", [0x12])
    story.record("POSTCOPY_PAGE_DATA", [0x11])
    story.record("POSTCOPY_PAGE_DATA", [0x12])
    story.record("POSTCOPY_PAGE_DATA", [0x13])
    facts = story.facts()
    resumed = next(one for one in story.events if isinstance(one, Record) and one.name == "POSTCOPY_TRANSITION_END")
    assert facts.postcopy.waited == 3 * MS
    assert facts.postcopy.to_last_page == story.time - resumed.last.time


def precopy_over(sizes: Iterable[int]) -> Story:
    """Passes over memory, each of some MB in one record a MB, then the state, and xl's words."""
    story = Story().tell(*HEADERS)
    for megabytes in sizes:
        for at in range(megabytes):
            story.record("PAGE_DATA", [at * 1000], length=1 << 20, takes=9)
    return story.tell("HVM_CONTEXT", "END", "libxl.END", "reverse ready", "forward go")


def test_downtime_of_precopy_has_bounds() -> None:
    """The guest was suspended before its state was sent, and after the last pass but one was written, of which four MiB
    may still have been in the socket."""
    story = precopy_over([9, 2, 1])
    found = story.facts().downtime
    assert found is not None and found.at_most is None and found.resumed_before is None
    assert (found.suspended_before.record.name, found.resumed_after.record.name) == ("HVM_CONTEXT", "go")
    assert found.at_least == 4 * MS
    report(story, 0)
    found = story.facts().downtime
    assert found is not None and found.suspended_after is not None and found.at_most is not None
    pages = [one for one in story.events if isinstance(one, Record) and one.name == "PAGE_DATA"]
    # The last pass begins with the twelfth: what is four MiB before it was in the socket at most.
    assert pages[6].first.time <= found.suspended_after.time <= pages[7].first.time
    assert found.at_most == story.time - found.suspended_after.time


def test_downtime_is_told_of_no_migration_that_failed() -> None:
    assert report(precopy_over([9, 2, 1]), 1).facts().downtime is None


def test_a_guest_that_may_have_stood_still_from_the_beginning_has_no_upper_bound() -> None:
    found = report(precopy_over([9]), 0).facts().downtime
    assert found is not None and found.at_most is None


def test_checkpoints_have_intervals() -> None:
    facts = checkpointed().facts()
    assert list(facts.checkpoint_times.intervals) == [4 * MS]
    assert list(facts.checkpoint_times.sending) == [3 * MS]
    assert facts.downtime is None


def test_the_iteration_to_stop_after_is_the_first_that_left_as_little_as_any() -> None:
    facts = passes(1000, 200, 40, 41, 39).facts()
    assert facts.outstanding == [200, 40, 41, 39, None]
    assert facts.best_stop == 1
    assert passes(1000).facts().best_stop is None


# Outcome


def checkpointed() -> Story:
    story = Story().tell(*HEADERS)
    for _ in range(2):
        story.record("PAGE_DATA", [1])
        story.tell("HVM_CONTEXT", "CHECKPOINT", "libxl.CHECKPOINT_END")
    return story


def report(story: Story, status: int) -> Story:
    return story.tell("reverse report", body=b"status" + bytes([status]))


def without_end() -> Story:
    story = live()
    story.events.pop()
    return story


def saved() -> Story:
    return live(layers=("libxc",), is_capture=False)


def damaged() -> Story:
    """The destination is heard, but what it says at the end is lost."""
    story = live().tell("libxl.END", "reverse ready", "forward go")
    return story.gap(40, REVERSE)


OUTCOMES = {
    "goes on": (live(), "incomplete"),
    "ready at the destination": (report(live().tell("libxl.END"), 0).end(), "completed"),
    "not ready there": (report(live().tell("libxl.END"), 3).end(), "failed"),
    "permission to start, and the destination never heard": (live().tell("libxl.END", "forward go").end(), "completed"),
    "no permission, and the destination never heard": (live().tell("libxl.END").end(), "incomplete"),
    "whole, but the destination says nothing good": (live().tell("libxl.END", "reverse ready").end(), "failed"),
    "the destination's last words lost": (damaged().end(), "completed"),
    "source closes before the end": (without_end().end(), "failed"),
    "reset": (without_end().end("rst"), "failed"),
    "ports used again": (without_end().end("reused"), "failed"),
    "another migration begins": (without_end().end("renewed"), "failed"),
    "capture ends": (without_end().end("capture"), "incomplete"),
    "end lost": (without_end().gap(9).lose().end(), "incomplete"),
    "end lost and found again": (without_end().gap(9).lose().regain(5).tell("HVM_PARAMS").end(), "failed"),
    "checkpoints stop": (checkpointed().end("rst"), "failover"),
    "postcopy sync": (postcopy().tell("reverse postcopy sync").end("capture"), "completed"),
    "a file, whole": (saved().end("capture"), "completed"),
    "a file, cut": (Story(layers=("libxc",), is_capture=False).tell("image header").end("capture"), "failed"),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_outcome(name: str) -> None:
    story, outcome = OUTCOMES[name]
    assert story.facts().outcome == outcome


def test_the_kind_of_migration() -> None:
    assert [story.facts().kind for story in (live(), postcopy(), checkpointed(), saved())] == [
        "live",
        "postcopy",
        "checkpointed",
        "save",
    ]
    assert live().facts().flow == FLOW
    alone = Story(version=2).tell(*HEADERS, "POSTCOPY_COMPLETE")
    assert alone.facts().kind == "live", "POSTCOPY_COMPLETE alone is a mistake of the destination"


def test_a_checkpoint_of_which_nothing_came_is_none() -> None:
    facts = checkpointed().facts()
    assert (facts.checkpoints, [phase.name for phase in facts.phases][-1]) == (2, "checkpoint")
    assert facts.phases[-1].spans
