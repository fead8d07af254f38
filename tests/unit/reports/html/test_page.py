"""A run as a page: its words, and that it is whole. How it looks is for a browser to say."""

from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest

from doitstack.journal.critical_path import Stretch
from doitstack.journal.events import Event, FutureStopped, Usage
from doitstack.journal.run_comparison import compare
from doitstack.journal.timing import measure
from doitstack.journal.what_if import what_if
from doitstack.reports.html.page import (
    Findings,
    about,
    breakable,
    longest,
    noticeable_gains,
    page,
    result_of,
    short_name,
)
from doitstack.reports.log_excerpts import RunLogs
from tests.unit.runs import (
    ONE_FUTURE,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
    step_not_run,
)

VOID = {"meta", "link", "input", "path", "wbr"}


class Outline(HTMLParser):
    """Checks that tags are closed in order; keeps ids, links, texts and addresses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: set[str] = set()
        self.loads: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids += [known["id"] or ""] if "id" in known else []
        self.loads += [value or "" for name, value in attrs if name in ("src", "srcset", "data")]
        if tag == "link":
            self.loads.append(known.get("href") or "")
        elif (known.get("href") or "").startswith("#"):
            self.links.add((known["href"] or "")[1:])
        elif tag == "a":
            self.loads.append(known.get("href") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        text = " ".join(" ".join(self.words).split())
        text = text.replace("_ ", "_")  # where a line may be broken
        return text.replace("\N{MINUS SIGN}", "-").replace("\N{MULTIPLICATION SIGN}", "x")


def _page(events: Sequence[Event], before: Sequence[Event] = (), log: Path | None = None) -> str:
    run, timing = record(events), measure(record(events))
    comparison = compare(run, record(before, "before")) if before else None
    return page(Findings(run, timing, comparison, RunLogs(log or Path("/nowhere"), None)))


def test_page_is_whole_in_itself() -> None:
    outline = Outline(_page(ONE_FUTURE))
    assert outline.loads == ["data:,"]
    assert outline.links <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))
    assert "default-src 'none'" in _page(ONE_FUTURE)


def test_page_has_the_figures_in_words() -> None:
    text = Outline(_page(ONE_FUTURE)).text
    assert "doit stack succeeded" in text
    assert "2 cores 3 steps 1 future, any number at once 1 up to date" in text
    assert "Elapsed time 13.0 s" in text
    assert "DevStack's speedup 1.23 x One after another, everything would have taken 16.0 s" in text
    assert "CPU time 15.0 s of work for the processors: 1.2 of 2 cores busy on average" in text
    assert "Critical path 13.0 s" in text
    assert "Waiting 7.0 s" in text
    assert "first 2.0 s 15 % a 10.0 s 77 % last 1.0 s 8 %" in text
    # if a took half as long or no time, if first did, if last did
    assert "a 10.0 s -5.0 s -7.0 s first 2.0 s -1.0 s -2.0 s last 1.0 s -0.5 s -1.0 s" in text
    assert "async_wait a 7.0 s -1.0 s" in text


def test_page_compares_with_an_earlier_run() -> None:
    before = [
        run_start(0),
        step(0, "first"),
        step_end(5, "first"),
        step(5, "last"),
        step_end(5.5, "last"),
        step(5.5, "gone"),
        step_end(6, "gone"),
        run_end(20),
    ]
    text = Outline(_page(ONE_FUTURE, before)).text
    assert "took 20.0 s; this one 13.0 s (-7.0 s)" in text
    assert "Only the earlier one ran 1 of its steps." in text
    assert "first 5.0 s 2.0 s -3.0 s faster last 0.5 s 1.0 s +0.5 s slower" in text
    assert "Against an earlier run" not in Outline(_page(ONE_FUTURE)).text


def test_what_logs_and_errors_hold_is_escaped(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text("<script>alert(1)</script>\n</pre><h1>no</h1>\n")
    events = [
        run_start(0),
        step(0, "<i>name", log=0),
        step_end(1, "<i>name", "failed", log=log.stat().st_size, error="<u>error"),
        run_end(1, code=1),
    ]
    outline = Outline(_page(events, log=log))
    assert "<script>alert(1)</script> </pre><h1>no</h1>" in outline.text
    assert "Failed first: <i>name" in outline.text
    assert "<u>error" in outline.text


SERIAL = [
    run_start(0, parallel=False),
    step(0, "a", "async_run"),
    future_start(0, "a"),
    future_end(5, "a", 0, 5),
    run_end(6),
]
KILLED = [run_start(0), step(0, "lost"), Usage(cpu=1.0, time=2)]
EMPTY = [run_start(0), run_end(0)]


@pytest.mark.parametrize("events", [SERIAL, KILLED, EMPTY, ONE_FUTURE[:7]])
def test_every_run_has_a_page(events: list[Event]) -> None:
    outline = Outline(_page(events))
    assert outline.links <= set(outline.ids)


def test_serial_run_claims_no_speedup() -> None:
    text = Outline(_page(SERIAL)).text
    assert "DevStack's speedup" not in text
    assert "1 future, one after another (DEVSTACK_PARALLEL=False)" in text


@pytest.mark.parametrize(
    ("events", "kind", "words"),
    [
        (ONE_FUTURE, "good", "succeeded"),
        (KILLED, "unknown", "no end recorded: it still runs, or was killed"),
        ([run_start(0), run_end(1, code=130)], "bad", "interrupted by SIGINT, code 130"),
        ([run_start(0), run_end(1, code=2)], "bad", "failed, code 2"),
    ],
)
def test_result_is_in_words(events: list[Event], kind: str, words: str) -> None:
    result = result_of(record(events))
    assert (result.kind, result.words) == (kind, words)


def test_page_has_the_limit_of_futures_at_once() -> None:
    events = [step(0, "a", "async_run"), future_start(0, "a"), future_end(1, "a", 0, 1), run_end(1)]
    limited = about(record([run_start(0, jobs=1), *events]))
    assert limited == ["2 cores", "0 steps", "1 future, at most 1 at once"]


def test_run_without_futures_does_not_mention_them() -> None:
    text = Outline(_page([run_start(0), step(0, "a"), step_end(1, "a"), run_end(1)])).text
    assert "2 cores 1 step In short" in text
    assert "DevStack's speedup" not in text
    assert "Waiting" not in text


def test_longest_parts_stay_in_their_order() -> None:
    parts = [Stretch(f"s{number}", number * 10, number * 10 + number) for number in range(1, 20)]
    shown = longest([*parts, Stretch("short", 300, 300.01)])
    assert [part.name for part in shown] == [f"s{number}" for number in range(8, 20)]


def test_what_gains_nothing_is_not_shown() -> None:
    tried = noticeable_gains(what_if(record(ONE_FUTURE)))
    assert [gain.step.name for gain in tried.steps] == ["a", "first", "last"]


def test_long_names_may_be_broken_and_stay_escaped() -> None:
    assert breakable("make_<b>_all") == "make_<wbr>&lt;b&gt;_<wbr>all"


def test_async_wait_has_a_short_name() -> None:
    steps = record(
        [
            run_start(0),
            step(0, "async_wait-a-b-c", "async_wait", waits=("a", "b", "c")),
            step(0, "async_wait-a", "async_wait", waits=("a",)),
            step(0, "plain"),
        ]
    ).steps
    assert [short_name(each) for each in steps] == [
        "async_wait a and 2 more",
        "async_wait a",
        "plain",
    ]


def test_page_of_a_failure_has_its_cost(tmp_path: Path) -> None:
    events = [
        run_start(0),
        step(0, "slow", "async_run"),
        future_start(0, "slow"),
        step(0, "bad", log=0),
        step_end(1, "bad", "failed", log=0, error="no luck"),
        future_end(2, "slow", 0, 2, rc=143),
        FutureStopped(name="slow", time=2),
        *(step_not_run(2, f"later-{number}") for number in range(7)),
        run_end(2, code=1),
    ]
    timing = measure(record(events))
    text = page(Findings(record(events), timing, None, RunLogs(tmp_path / "log", None)))
    words = " ".join(Outline(text).words)
    assert "no luck" in words
    assert (
        "Stopped because of it: slow. Not run because of it: "
        "later-0, later-1, later-2, later-3, later-4 and 2 more."
    ) in words


def test_page_of_an_interrupted_run_has_its_cost(tmp_path: Path) -> None:
    events = [run_start(0), step_not_run(1, "later"), run_end(1, code=130)]
    timing = measure(record(events))
    text = page(Findings(record(events), timing, None, RunLogs(tmp_path / "log", None)))
    words = " ".join(Outline(text).words)
    assert "interrupted by SIGINT, code 130" in words
    assert "Not run because of it: later." in words
