"""`xenshark report` in a real browser, and `xenshark plot`: what is shown is what the other commands say."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
import re
import subprocess
import sys
import zlib
from base64 import b64decode, b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
import talks
from conftest import OWN, captures_in
from conversation import Wire, packets, pcap
from happened import Story
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.common.selenium_manager import SeleniumManager
from streams import xl_stream
from talks import Speaker, octets_of

import dissector
from dissector.events import Position
from dissector.results.encoding import to_json
from dissector.rules import RULES
from dissector.units import duration, seconds_text, size
from dissector.views.report import Reported, cut, page
from dissector.views.report.records import Records

if TYPE_CHECKING:
    from browser import Browser
    from shell import Shell

pytest_plugins = ("browser", "shell")

POSTCOPY = "postcopy/c_netem/veth_rx.pcap"
TWO = "postcopy/d_concurrent/veth_rx.pcap"
KILLED = "postcopy/g_receiver_killed/veth_rx.pcap"
CHECKPOINTS = "postcopy/f_remus/veth_rx.pcap"
DROPS = "xen/pv-live-mtu1500-drops/pv-live-mtu1500-drops.pcap"
REFUSED = "xen/pv-fail-receiver-create/pv-fail-receiver-create.pcap"
SAVED = "xen/pv-save/pv-save.img"
HVM = "xen/hvm-live-lo/hvm-live-lo.pcap"
UNKNOWN_PFN = "violations/unk_pfn/unk_pfn.pcap"

SVG = "{http://www.w3.org/2000/svg}"


def sample(name: str) -> str:
    return str(captures_in(OWN)[name])


def reported(shell: Shell, folder: Path, *files: str, name: str = "report.html") -> Path:
    """The report on some inputs."""
    path = folder / name
    assert shell.lines("report", *files, "-o", str(path)) == []
    return path


def of_file(lines: list[str]) -> list[dict[str, Any]]:
    """Objects that commands print, without the file that they name."""
    return [{key: value for key, value in json.loads(line).items() if key != "file"} for line in lines]


def data_of(path: Path) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', path.read_text())
    assert found is not None
    return dict(json.loads(zlib.decompress(b64decode(found[1]))))


def runs_of(steps: list[int] | None) -> list[list[int]]:
    """Runs of pfns, each its first and its length, out of what the page holds of them."""
    found, end = [], 0
    for step, length in zip(*[iter(steps or ())] * 2, strict=True):
        found.append([end + step, length])
        end += step + length
    return found


def saved(browser: Browser, button: str) -> str:
    """What the browser would save when a button is pressed."""
    script = """
        const make = URL.createObjectURL;
        let blob = null;
        URL.createObjectURL = (one) => { blob = one; return "#"; };
        arguments[0].click();
        URL.createObjectURL = make;
        return blob.text();
    """
    element = browser.run(
        "const [figure, label] = arguments;"
        "return [...document.querySelectorAll(`${figure} button`)].find((one) => one.textContent === label)",
        *button.split(" > "),
    )
    return str(browser.run(script, element))


@pytest.mark.parametrize("name", [POSTCOPY, TWO, KILLED, CHECKPOINTS, DROPS, SAVED, HVM, UNKNOWN_PFN])
def test_the_page_holds_what_the_commands_print(name: str, shell: Shell, tmp_path: Path) -> None:
    file = sample(name)
    path = reported(shell, tmp_path, file)
    assert path.stat().st_size < 3e6
    (one,) = data_of(path)["inputs"]
    assert one["analysis"] == cut(json.loads("\n".join(shell.lines("analyze", "--json", file))))
    assert one["timelines"] == of_file(shell.lines("report", "--json", file))
    assert one["guests"] == cut(of_file(shell.lines("guest", "--json", file)))
    faults = [json.loads(line) for line in shell.lines("faults", "--json", file) if line.startswith("{")]
    for key, column in one["faults"].items():
        assert column == [fault[key] for fault in faults]
    records, lines = one["records"], shell.objects(file)
    assert [records["names"][at] for at in records["n"]] == [line["name"] for line in lines]
    for letter, key in {"m": "migration", "o": "offset", "s": "length", "f": "last_frame"}.items():
        assert records[letter] == [line[key] for line in lines]
    for line, time in zip(lines, records["t"], strict=True):
        assert (time is None) == (line["last_time"] is None)
        assert time is None or abs(records["base"] + time / 1e6 - line["last_time"]) < 2e-6
    assert list(itertools.accumulate(records["i"])) == [line["number"] for line in lines]
    shown = [line.split()[1] for line in shell.lines("read", file) if re.match(r" *\d+ ", line)]
    assert ["-" if time is None else seconds_text(time) for time in records["t"]] == shown
    for line, runs in zip(lines, records["p"], strict=True):
        assert runs_of(runs) == [run[:2] for run in line["fields"].get("pages", ())]
    assert records["left_out"] == 0 and one["problem"] is None


def test_the_first_screen(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    file = sample(POSTCOPY)
    browser.open(reported(shell, tmp_path, file))
    (found,) = json.loads("\n".join(shell.lines("analyze", "--json", file)))["migrations"]
    card = browser.text(".card")
    ends = [f"{end['address']}:{end['port']}" for end in found["flow"].values()]
    for words in (
        found["outcome"],
        f"{found['verdict'][0].upper()}{found['verdict'][1:]}.",
        " \N{RIGHTWARDS ARROW} ".join(ends),
        found["guest"]["name"],
        "source must not run the guest",
        "destination may run the guest",
        duration(round(found["postcopy"]["downtime"] * 1e9)),
        duration(round(found["postcopy"]["latency"]["median"] * 1e9)),
        size(found["bytes"]["forward"]),
        f"{found['pages']['data_pages']:,}",
        f"{found['pages']['sent_again']:,} of them again",
    ):
        assert words in card, words
    (lasted,) = re.findall(r" UTC, ([\d.]+ \w+)$", "\n".join(shell.lines("analyze", file)), re.MULTILINE)
    assert f"took\n{lasted}" in card
    bottom = browser.run("return document.querySelector('#findings summary').getBoundingClientRect().bottom")
    assert bottom < 900, "findings are on the first screen"
    assert browser.complaints() == []


@pytest.mark.parametrize("name", [POSTCOPY, TWO, KILLED, CHECKPOINTS, DROPS, SAVED, HVM])
def test_charts_are_drawn(name: str, browser: Browser, shell: Shell, tmp_path: Path) -> None:
    path = reported(shell, tmp_path, sample(name))
    browser.open(path)
    (one,) = data_of(path)["inputs"]
    migrations = one["analysis"]["migrations"]
    timed = [line for line in one["timelines"] if line["start_time"] is not None]
    assert browser.count("#timeline svg") == len(timed)
    assert browser.count("#memory svg") == len(timed)
    assert browser.count("#iterations svg") == sum(bool(one["iterations"]) for one in migrations if timed)
    faulting = {number for number, took in zip(*map(one["faults"].get, ("migration", "latency")), strict=True) if took}
    assert browser.count("#latency svg") == len(faulting) + bool(faulting)
    for section in ("timeline", "memory", "latency", "again", "iterations"):
        shapes = browser.run(
            "return [...document.querySelectorAll(`#${arguments[0]} svg`)]"
            ".map((svg) => svg.querySelectorAll('path, rect').length)",
            section,
        )
        assert all(count > 1 for count in shapes), (section, shapes)
    bands = browser.run("return [...document.querySelectorAll('#timeline svg text')].map((one) => one.textContent)")
    assert not timed or "precopy" in bands
    drawn = browser.run("return [...document.querySelectorAll('figure')].map((one) => one.outerHTML).join('')")
    assert not re.search("NaN|Infinity|undefined", drawn)
    assert browser.complaints() == []


def test_what_is_saved_is_what_plot_writes(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    file = sample(POSTCOPY)
    browser.open(reported(shell, tmp_path, file))
    charts = {
        "timeline": "#migration-0",
        "memory": "#memory-0",
        "iterations": "#iterations-0",
        "latency": "#latency-0",
    }
    for kind, figure in charts.items():
        shown = list(csv.reader(io.StringIO(saved(browser, f"{figure} > CSV"))))
        written = list(csv.reader(shell.lines("plot", kind, file, "-o", "-")))
        assert shown[0] == written[0] and len(shown) == len(written) > 1
        for ours, theirs in zip(shown[1:], written[1:], strict=True):
            for one, other in zip(ours, theirs, strict=True):
                assert one.lower() == other.lower() or abs(float(one) - float(other)) < 1e-6, (kind, ours, theirs)
    for figure in (*charts.values(), "#latency-ecdf", "#again-often-0"):
        picture = ElementTree.fromstring(saved(browser, f"{figure} > SVG"))
        assert picture.tag == f"{SVG}svg" and len(list(picture.iter())) > 12
        assert "var(" not in ElementTree.tostring(picture, "unicode")


def test_large_integers_are_not_rounded(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    """As JavaScript would: an address has 64 bits."""
    browser.open(reported(shell, tmp_path, sample(POSTCOPY)))
    guest = json.loads(shell.lines("guest", "--json", sample(POSTCOPY))[0])
    shown = browser.text("#guest")
    pointers = [vcpu["ip"] for vcpu in guest["vcpus"]]
    assert max(pointers) > 1 << 53
    for pointer in pointers:
        assert f"{pointer:#x}" in shown
    header = next(line for line in shell.objects(sample(POSTCOPY)) if line["name"] == "libxl header")
    assert f"ident {header['fields']['ident']}" in browser.text("#records .body")


def test_zoom_is_the_same_for_all_charts_over_time(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    browser.open(reported(shell, tmp_path, sample(TWO)))

    def axes() -> list[Any]:
        return list(
            browser.run(
                "return [...document.querySelectorAll('#timeline svg, #memory svg')].map((svg) => [...svg"
                ".querySelectorAll('text')].map((one) => one.textContent).filter((one) => / s$/.test(one)).join())"
            )
        )

    whole = axes()
    assert len(whole) == 4 and len(set(whole)) == 1, "the same axis for both migrations"
    press = (
        "const svg = document.querySelector('#memory svg'); svg.focus();"
        "svg.dispatchEvent(new KeyboardEvent('keydown', { key: arguments[0], bubbles: true }));"
    )
    browser.run(press, "+")
    zoomed = axes()
    assert len(set(zoomed)) == 1 and zoomed != whole
    browser.run(press, "0")
    assert axes() == whole
    browser.run(press, "ArrowRight")
    assert "time" in browser.text("#tip")


def test_records_filter_sort_and_open(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    file = sample(POSTCOPY)
    browser.open(reported(shell, tmp_path, file))
    lines = shell.objects(file)

    def shown(words: str) -> str:
        browser.run(
            "const input = document.querySelector('#records input'); input.value = arguments[0];"
            "input.dispatchEvent(new Event('input'));",
            words,
        )
        return browser.text("#records .tools span")

    faults = [line for line in lines if line["name"] == "POSTCOPY_FAULT"]
    assert shown("postcopy_fault") == f"{len(faults)} of {len(lines)} records"
    frames = [line for line in lines if 12000 <= line["last_frame"] <= 13000]
    assert shown("frame:12000-13000").startswith(f"{len(frames)} of")
    reverse = [line for line in lines if line["direction"] == "reverse" and line["layer"] == "libxc"]
    assert shown("direction:reverse layer:libxc").startswith(f"{len(reverse)} of")
    many = next(line for line in lines if len(line["fields"].get("pages", ())) > 200)
    assert shown(f"number:{many['number']}").startswith("1 of")
    assert f"{len(many['fields']['pages'])} runs from 0x" in browser.text("#records .row")
    for pfn in (faults[0]["fields"]["pages"][0][0], many["fields"]["pages"][100][0]):
        asked = len(shell.lines("read", "-Y", f"pfn == {pfn}", file))
        assert shown(f"pfn:{pfn}") == shown(f"pfn:{pfn:#x}") == f"{asked} of {len(lines)} records"
    assert shown("nothing-is-called-so").startswith("0 of")
    shown("")
    length = "[...document.querySelectorAll('#records .head button')].find((one) => one.textContent === 'length')"
    browser.run(f"{length}.click(); {length}.click();")
    top = browser.text("#records .row")
    assert f"{max(line['length'] for line in lines):,}" in top

    # From a fault to the page that answers it.
    shown("postcopy_fault")
    browser.run("document.querySelector('#records .row').click()")
    assert "answers" in browser.text("#records .fields")
    browser.run("return document.querySelector('#records .fields button')").send_keys(Keys.ENTER)
    assert "POSTCOPY_PAGE_DATA" in browser.text("#records .fields")
    assert browser.complaints() == []


def test_a_finding_leads_to_its_record(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    file = sample(UNKNOWN_PFN)
    browser.open(reported(shell, tmp_path, file))
    first = json.loads(shell.run("check", "--json", file)[1].splitlines()[0])
    assert first["severity"] == "error"
    assert first["message"] in browser.text("#findings")
    assert f"What to do: {RULES[first['rule']].advice}" in browser.text("#findings")
    browser.run("document.querySelector('#findings li button').click()")
    assert f"{first['record']}, forward offset {first['offset']:,}" in browser.text("#records .fields")
    assert browser.run("return document.activeElement.classList.contains('body')"), "the keyboard goes on from there"


@pytest.mark.parametrize("chart", ["#migration-0", "#memory-0", "#latency-0"])
def test_a_fault_in_a_chart_leads_to_its_record(chart: str, browser: Browser, shell: Shell, tmp_path: Path) -> None:
    """With the keyboard and with the mouse."""
    path = reported(shell, tmp_path, sample(POSTCOPY))
    browser.open(path)
    faults = data_of(path)["inputs"][0]["faults"]
    press = (
        "document.querySelector(arguments[0]).dispatchEvent("
        "new KeyboardEvent('keydown', { key: arguments[1], shiftKey: arguments[2], bubbles: true }));"
    )
    for key, shift in (("ArrowRight", True), ("ArrowRight", True), ("ArrowLeft", True)):
        browser.run(press, f"{chart} svg", key, shift)
    assert f"pfn {faults['pfn'][0]}, answered after" in browser.text("#tip")
    browser.run(press, f"{chart} svg", "Enter", False)
    opened = browser.text("#records .fields")
    assert f"POSTCOPY_FAULT, reverse offset {faults['offset'][0]:,}," in opened
    assert browser.run("return document.activeElement.classList.contains('body')"), "the keyboard goes on from there"

    browser.run("document.querySelector('#records input').value = ''")
    where = browser.run(
        "const chart = [...view.charts].find((one) => `#${one.name}` === arguments[0]);"
        "chart.svg.scrollIntoView({ block: 'center' });"
        "const mark = chart.marks.at(-1), box = chart.svg.getBoundingClientRect();"
        "return [chart.x(mark.at) - box.width / 2, mark.y(chart) - box.height / 2];",
        chart,
    )
    figure = browser.run("return document.querySelector(`${arguments[0]} svg`)", chart)
    ActionChains(browser.driver).move_to_element_with_offset(figure, *map(round, where)).click().perform()
    assert f"POSTCOPY_FAULT, reverse offset {faults['offset'][-1]:,}," in browser.text("#records .fields")
    assert browser.complaints() == []


def test_several_inputs_are_compared(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    browser.open(reported(shell, tmp_path, sample(POSTCOPY), sample(KILLED)))
    sections = browser.run("return [...document.querySelectorAll('main > section')].map((one) => one.id)")
    assert sections[:3] == ["summary", "differences", "findings"]
    rows = browser.run(
        "return [...document.querySelectorAll('#differences > .scroll tr.differs')].map((one) => one.innerText)"
    )
    assert rows[0].split() == ["outcome", "completed", "failed"]
    same = browser.run("return document.querySelector('#differences details').textContent")
    assert "kind" in same and not any(row.startswith("kind") for row in rows)
    assert browser.count("#timeline svg") == 2 and browser.count("#records .records") == 2
    assert browser.complaints() == []


HOSTILE = "<script>hacked = 1</script><img src=x onerror='hacked = 1'>\u202etxt.exe\u2066 ${hacked=1} </title></script>"


def hostile_inputs(shell: Shell) -> list[str]:
    """A guest's name, a toolstack's error and a file's own name that would all like to be more than text."""
    inside = octets_of(talks.precopy(Speaker(3)))
    inside = inside[inside.index(b"LibxlFmt") :]
    inputs = []
    for number, name in enumerate((HOSTILE, HOSTILE + "A" * 100_000, "B" * 1_000_000)):
        config = json.dumps({"c_info": {"name": name, "type": "hvm"}, "b_info": {}})
        inputs.append(shell.file(xl_stream(inside, config=config + "\0"), f"{number}.img"))
    talk = talks.xenopsd(Speaker(2), error=HOSTILE)
    inputs.append(shell.file(pcap(packets(Wire(talk))), "<script>hacked = 1<script>'\".pcap"))
    return inputs


def test_nothing_of_a_capture_is_markup(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    path = reported(shell, tmp_path, *hostile_inputs(shell))
    text = path.read_text()
    assert "hacked" not in text and text.count("<script") == 2 and len(text) < 1e6
    browser.open(path)
    assert browser.run("return typeof hacked") == "undefined"
    assert browser.count("img, iframe, object, embed, base, form, link") == 0
    assert browser.count("script") == 2
    cards = browser.text("#summary")
    assert "<script>hacked = 1</script>" in cards, "it is shown as the text it is"
    assert r"\u{202e}txt.exe\u{2066}" in cards and "\u202e" not in browser.run("return document.body.textContent")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth"), "no name is wider than the page"
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.run("document.querySelectorAll('#records .row').forEach((one) => one.click())")
    assert browser.run("return typeof hacked") == "undefined"
    assert browser.complaints() == []
    # The policy itself: neither a script nor a request that somebody gets in after all.
    browser.run(
        "const one = document.createElement('script'); one.textContent = 'hacked = 1'; document.body.append(one);"
        "const other = document.createElement('div'); other.innerHTML = `<img src=x onerror='hacked = 1'>`;"
        "document.body.append(other);"
    )
    refused = browser.run(
        "return new Promise((done) => {"
        "  addEventListener('securitypolicyviolation', (event) => done(event.effectiveDirective));"
        "  fetch('https://xenshark.invalid/').catch(() => setTimeout(done, 2000, 'nothing refused it'));"
        "})"
    )
    assert (refused, browser.run("return typeof hacked")) == ("connect-src", "undefined")


def test_the_page_asks_for_nothing(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    path = reported(shell, tmp_path, sample(POSTCOPY))
    browser.open(path)
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    addresses = set(re.findall(r"https?://[^\s\"'<>`)]*", path.read_text()))
    assert addresses == {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"}, "names of namespaces"


def many_records(count: int) -> Records:
    """So many records, as a fold over events has them."""
    records = Records()
    one = Story(version=2).record("POSTCOPY_PAGE_DATA", (1,))
    other = one._replace(name="END", runs=(), spec=None)
    for at in range(count):
        last = Position(at + 1, 1_000_000 + at)
        records.add((one if at % 2 else other)._replace(number=at + 1, offset=100 * at, index=at, last=last))
    records.finish()
    return records


def test_a_hundred_thousand_records(browser: Browser, tmp_path: Path) -> None:
    capture = dissector.open(sample(POSTCOPY))
    analysis, timelines = capture.analyze(), capture.timelines()
    records = many_records(200_000)
    assert records.left_out == 100_000
    path = tmp_path / "many.html"
    path.write_text(page([Reported(analysis, (), timelines, (), records, None)], "0"))
    assert path.stat().st_size < 3e6
    browser.open(path)
    assert browser.text("#records .tools span") == "100,000 of 100,000 records"
    assert browser.count("#records .row") < 60, "only what is in sight is in the document"
    assert "100,000 more records" in browser.text("#records p")
    browser.run("const body = document.querySelector('#records .body'); body.scrollTop = body.scrollHeight;")
    browser.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    offset = max(data_of(path)["inputs"][0]["records"]["o"])
    assert f"{offset:,}" in browser.text("#records .row:last-child")
    assert browser.complaints() == []


def test_light_dark_and_narrow(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    browser.open(reported(shell, tmp_path, sample(POSTCOPY)))
    ground = "return getComputedStyle(document.body).backgroundColor"
    colours = set()
    for _ in range(3):
        browser.run("document.querySelector('header button').click()")
        colours.add(browser.run(ground))
    assert len(colours) == 2
    browser.driver.set_window_size(420, 800)
    try:
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    finally:
        browser.driver.set_window_size(1360, 900)
    figures = browser.run("return [...document.querySelectorAll('figure svg')].map((e) => [e.tabIndex, e.ariaLabel])")
    assert figures and all(index == 0 and label for index, label in figures), "reached by Tab, and named"
    assert browser.run("return document.querySelector('.records .body').tabIndex") == 0


def test_of_many_migrations_those_that_failed_come_first(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    """And every one of them is on the page, as is what could not be read."""
    good = [sample(name) for name in (POSTCOPY, DROPS, SAVED, HVM, TWO, UNKNOWN_PFN, CHECKPOINTS)]
    lost = str(tmp_path / "lost.pcap")
    path = tmp_path / "report.html"
    status, _, complaint = shell.run("report", *good, sample(REFUSED), lost, "-o", str(path))
    assert status == 2 and "lost.pcap" in complaint
    browser.open(path)
    every = [each for one in data_of(path)["inputs"] for each in one["analysis"]["migrations"]]
    assert len(every) > 8
    cards = browser.run("return [...document.querySelectorAll('#summary .card .chip')].map((one) => one.innerText)")
    charted = [one for one in cards if one in {each["outcome"] for each in every}]
    outcomes = [each["outcome"] for each in every]
    assert len(charted) == 8 and charted.count("failed") == min(8, outcomes.count("failed")) > 0
    rows = browser.run("return [...document.querySelectorAll('table.every tbody tr')].map((one) => one.innerText)")
    assert len(rows) == len(every)
    for row, each in zip(rows, every, strict=True):
        for word in (each["outcome"], each["verdict"], size(each["bytes"]["forward"])):
            assert word in row
    assert "lost.pcap" in browser.text("#summary p.bad")
    assert browser.complaints() == []


def test_it_prints_dark_on_light(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    browser.open(reported(shell, tmp_path, sample(SAVED)))
    browser.run("document.documentElement.setAttribute('data-theme', 'dark')")
    looks = """
        const of = (name) => getComputedStyle(document.querySelector(name));
        return [of("body").color, of("#records").display];
    """
    dark, shown = browser.run(looks)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        printed = browser.run(looks)
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (dark, shown) == ("rgb(231, 234, 238)", "block")
    assert printed == ["rgb(27, 31, 36)", "none"], "light text would be on white paper; a heading would be over nothing"


def test_numbers_are_rounded_as_the_commands_round(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    browser.open(reported(shell, tmp_path, sample(SAVED)))
    octets = [*range(990, 30_000, 5), 1_250_000, 1_350_000, 1_150_000_000, 2_250_000_000]
    assert browser.run("return arguments[0].map(size)", octets) == [size(one) for one in octets]
    times = [*range(0, 40_000, 500), 1_234_500, 2_345_500, 999_999_500, 1_000_500_000, 1_001_500_000]
    seconds = [one / 1e9 for one in times]
    assert browser.run("return arguments[0].map(duration)", seconds) == [duration(one) for one in times]


def test_what_has_no_room_is_told(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pfns that are not in the report are not found in it, and charts lack faults that are not."""
    monkeypatch.setattr("dissector.views.report.records.RUNS_MAX", 3)
    monkeypatch.setattr("dissector.views.report.FAULTS_MAX", 5)
    capture = dissector.open(sample(POSTCOPY))
    found = list(capture.faults())
    faults = len(found)
    path = tmp_path / "few.html"
    path.write_text(page([Reported(capture.analyze(), (), capture.timelines(), found, many_records(10), None)], "0"))
    browser.open(path)
    browser.run(
        "const input = document.querySelector('#records input'); input.value = 'pfn:1';"
        "input.dispatchEvent(new Event('input'));"
    )
    assert browser.text("#latency p") == f"{faults - 5:,} more faults are not in the charts of faults: " + (
        "xenshark faults shows all."
    )
    told = "; the pfns of 2 records are not in the report: xenshark read -Y finds them"
    assert browser.text("#records .tools span") == f"3 of 10 records{told}"


def test_what_else_a_migration_has_is_shown(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    """Bounds of the downtime, and what limited it, where the analysis has them."""
    path = reported(shell, tmp_path, sample(POSTCOPY))
    data = data_of(path)
    (migration,) = data["inputs"][0]["analysis"]["migrations"]
    begun, resumed = (migration["phases"][at]["start_time"] for at in (2, 4))
    migration["downtime"] = {
        "at_least": 0.5,
        "at_most": 0.75,
        "from_record": {"time": begun},
        "to_record": {"time": resumed},
    }
    data["inputs"][0]["told"][0]["limits"] = [["limits", "<b>window</b>"]]
    migration["convergence"]["best_stop"] = 1
    octets = b64encode(zlib.compress(json.dumps(data).encode())).decode()
    path.write_text(re.sub(r'(id="data">)[^<]*', rf"\g<1>{octets}", path.read_text()))
    browser.open(path)
    assert "500.000 ms\nat least; at most 750.000 ms" in browser.text(".card")
    assert "<b>window</b>" in browser.text("#limits")
    assert "What came after iteration 1 gained nothing." in browser.text("#iterations")
    lanes = browser.run("return [...document.querySelectorAll('#timeline text')].map((one) => one.textContent)")
    assert "guest stopped" in lanes
    assert browser.complaints() == []


def words_of(lines: list[str], *heads: str) -> str:
    """What analyze prints of some things, its lines joined."""
    found, is_told = [], False
    for line in lines:
        if re.match(r"  \S", line):
            is_told = line.split()[0] in heads
        found += line.split() if is_told and re.match(r"  ", line) else []
    return " ".join(found)


@pytest.mark.parametrize("name", [POSTCOPY, CHECKPOINTS, HVM])
def test_downtime_and_limits_are_worded_as_analyze_words_them(
    name: str, browser: Browser, shell: Shell, tmp_path: Path
) -> None:
    file = sample(name)
    browser.open(reported(shell, tmp_path, file))
    lines = shell.lines("analyze", file)
    for section, heads in (("#downtime", ("downtime", "checkpoints")), ("#limits", ("limits", "reordering"))):
        rows = browser.run(
            "return [...document.querySelectorAll(`${arguments[0]} tr`)].map((one) => one.innerText)", section
        )
        assert rows and " ".join(" ".join(rows).split()) == words_of(lines, *heads)


def test_a_clock_that_steps_back_makes_no_time_negative(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    file = str(OWN / "field/28_clock_step_back.pcap.zst")
    browser.open(reported(shell, tmp_path, file))
    (lasted,) = re.findall(r"UTC, ([\d.]+ \w+);", "\n".join(shell.lines("analyze", file)))
    assert f"took\n{lasted}" in browser.text(".card")
    browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    tables = browser.run("return [...document.querySelectorAll('#numbers td.number')].map((one) => one.innerText)")
    assert tables and not [one for one in tables if one.startswith("-")]


def test_labels_of_axes_are_whole(browser: Browser, shell: Shell, tmp_path: Path) -> None:
    """Also the last one, at the right end of the picture."""
    browser.open(reported(shell, tmp_path, str(OWN / "field/05_xenopsd_zstd.pcap.zst"), sample(POSTCOPY)))
    over = browser.run(
        "return [...document.querySelectorAll('svg > g:first-of-type text')].filter((text) => {"
        "  const [own, all] = [text, text.ownerSVGElement].map((one) => one.getBoundingClientRect());"
        "  return own.width && (own.left < all.left - 1 || own.right > all.right + 1);"
        "}).map((text) => text.textContent)"
    )
    assert over == [] and browser.count("svg > g:first-of-type text") > 20


def test_what_is_cut_off_is_reported_all_the_same(shell: Shell, tmp_path: Path) -> None:
    whole = pcap(packets(Wire(talks.postcopy())))
    cut_off = shell.file(whole[: len(whole) // 2 + 5])
    output = tmp_path / "report.html"
    assert "the file ends in the middle of packet" in shell.complaint("report", cut_off, "-o", str(output))
    assert "the file ends in the middle" in data_of(output)["inputs"][0]["problem"]


def test_bad_usage(shell: Shell, tmp_path: Path) -> None:
    file = sample(POSTCOPY)
    assert "cannot open" in shell.complaint("report", str(tmp_path / "none.pcap"))
    assert "cannot write" in shell.complaint("report", file, "-o", str(tmp_path / "none" / "report.html"))
    assert "invalid choice: 'pie'" in shell.complaint("plot", "pie", file, "-o", "x.svg")
    assert "ends in none of .svg" in shell.complaint("plot", "timeline", file, "-o", "x.gif")
    assert "has no migration 7" in shell.complaint("plot", "timeline", file, "-o", "-", "--migration", "7")
    assert "cannot write" in shell.complaint("plot", "ecdf", file, "-o", str(tmp_path / "none" / "x.svg"))
    assert "cannot write" in shell.complaint("plot", "ecdf", file, "-o", str(tmp_path / "none" / "x.csv"))
    assert "the input has no times" in shell.complaint("plot", "timeline", sample(SAVED), "-o", "-")
    assert "no fault waited" in shell.complaint("plot", "ecdf", sample(HVM), "-o", "-")


def test_a_report_on_standard_output(shell: Shell) -> None:
    assert "\n".join(shell.lines("report", sample(SAVED), "-o", "-")).startswith("<!doctype html>")


@pytest.mark.parametrize("kind", ["timeline", "memory", "iterations", "latency", "ecdf", "again"])
def test_pictures_for_papers(kind: str, shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / f"{kind}.svg"
    assert shell.lines("plot", kind, sample(POSTCOPY), "-o", str(path)) == []
    picture = ElementTree.parse(path).getroot()
    assert picture.tag == f"{SVG}svg" and len(list(picture.iter(f"{SVG}path"))) > 5
    millimetres = float((picture.get("width") or "").removesuffix("pt")) / 72 * 25.4
    assert 80 < millimetres < 90, "one column"
    words = " ".join("".join(one.itertext()) for one in picture.iter(f"{SVG}text"))
    assert "time" in words or "iteration" in words or "latency" in words
    again = tmp_path / "again.svg"
    shell.lines("plot", kind, sample(POSTCOPY), "-o", str(again))
    assert again.read_bytes() == path.read_bytes(), "the same picture is the same file"


def test_every_format(shell: Shell, tmp_path: Path) -> None:
    for format, magic in (("pdf", b"%PDF"), ("png", b"\x89PNG"), ("csv", b"latency_s")):
        path = tmp_path / f"x.{format}"
        shell.lines("plot", "ecdf", sample(POSTCOPY), "-o", str(path))
        assert path.read_bytes().startswith(magic)


def test_the_end_of_a_name_may_be_in_capitals(shell: Shell, tmp_path: Path) -> None:
    for name, magic in (("X.SVG", b"<?xml"), ("x.Pdf", b"%PDF"), ("X.CSV", b"latency_s")):
        shell.lines("plot", "ecdf", sample(POSTCOPY), "-o", str(tmp_path / name))
        assert (tmp_path / name).read_bytes().startswith(magic)


@pytest.mark.parametrize("kind", ["timeline", "memory", "iterations", "latency", "ecdf", "again"])
def test_data_have_no_noise_of_floating_point(kind: str, shell: Shell) -> None:
    rows = [line.split(",") for line in shell.lines("plot", kind, sample(POSTCOPY), "-o", "-")]
    assert len(rows) > 1
    assert all(len(cell.partition(".")[2]) <= 9 for row in rows for cell in row)


def test_without_matplotlib(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = shell.complaint("plot", "ecdf", sample(POSTCOPY), "-o", str(tmp_path / "x.svg"))
    assert "pip install 'xenshark[plots]'" in said
    latencies = [float(line.split(",")[0]) for line in shell.lines("plot", "ecdf", sample(POSTCOPY), "-o", "-")[1:]]
    faults = to_json(dissector.open(sample(POSTCOPY)).faults())
    assert latencies == sorted(one["latency"] for one in faults if one["latency"] and not one["in_flight"])


def test_a_report_is_opened(shell: Shell, tmp_path: Path) -> None:
    browser, asked, page = tmp_path / "browser", tmp_path / "asked", tmp_path / "re port.html"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {asked}\n')
    browser.chmod(0o755)
    words = [sys.executable, "-m", "dissector", "report", sample(UNKNOWN_PFN), "-o", str(page), "--open"]
    done = subprocess.run(words, env={**os.environ, "BROWSER": str(browser)}, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert asked.read_text() == page.as_uri() and page.exists()
    assert "-o - makes none" in shell.complaint("report", sample(UNKNOWN_PFN), "-o", "-", "--open")
    assert "--json makes none" in shell.complaint("report", sample(UNKNOWN_PFN), "--json", "--open")


def test_without_a_browser_of_the_system_selenium_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Ubuntu; what it would fetch is not fetched here."""
    from browser import lacking, programs  # a plugin, which pytest imports first

    found = {"browser_path": "/cache/chrome", "driver_path": "/cache/chromedriver"}
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr(SeleniumManager, "binary_paths", lambda self, words: found)
    programs.cache_clear()
    assert programs() == ("/cache/chrome", "/cache/chromedriver") and lacking() is None
    monkeypatch.setattr(SeleniumManager, "binary_paths", _no_network)
    programs.cache_clear()
    assert programs() is None and "Debian: chromium and chromium-driver" in (lacking() or "")
    programs.cache_clear()


def _no_network(manager: SeleniumManager, words: list[str]) -> dict[str, str]:
    raise WebDriverException("no network")
