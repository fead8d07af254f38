"""The last lines of a run that has failed."""

from dataclasses import replace
from pathlib import Path

import pytest

from doitstack.journal.failures import RunFailures
from doitstack.journal.status import Status
from doitstack.journal.step_record import StepRecord
from doitstack.reports.failure_summary import failure_summary
from doitstack.reports.log_excerpts import LINES, RunLogs
from doitstack.steps import Kind

STEP = StepRecord(
    name="bad",
    kind=Kind.RUN,
    status=Status.FAILED,
    declared=2.0,
    start=2.0,
    end=5.04,
    phase="stack install",
    plugin="demo",
    task="stack:install:demo:bad",
    error="RuntimeError: of no use",
)
FUTURE = replace(
    STEP,
    name="slow",
    kind=Kind.ASYNC_RUN,
    rc=7,
    error="future slow: failed with rc 7",
    task="t:slow",
)


@pytest.fixture
def logs(tmp_path: Path) -> RunLogs:
    """The logs of a run: other lines stand before and after those of the step."""
    for name in ("async", "xtrace"):
        (tmp_path / name).mkdir()
    (tmp_path / "stack.log").write_text("what was before...\nof the step\nwhat came then...\n")
    (tmp_path / "async" / "slow.log").write_text("of the future\n")
    return RunLogs(tmp_path / "stack.log", tmp_path / "async", tmp_path / "xtrace")


def _words(logs: RunLogs, found: RunFailures, *messages: str, signalled: str = "") -> list[str]:
    text = failure_summary(
        found, logs, messages=messages, signalled=signalled, again="doit stack"
    ).replace(str(logs.main.parent), "/d")
    return text.splitlines()


def test_step_is_shown_with_its_own_lines(logs: RunLogs) -> None:
    failure = replace(STEP, log=(19, 31))
    assert _words(logs, RunFailures((failure,))) == [
        "",
        "the last lines of bad:",
        "    of the step",
        "",
        "FAILED after 3.0 s: stack install: plugin demo: step bad: RuntimeError: of no use",
        "log: /d/stack.log",
        "fix it, then resume with: doit stack",
    ]


def test_what_fails_at_once_has_no_time(logs: RunLogs) -> None:
    failure = replace(STEP, end=2.04)
    assert "FAILED: stack install: plugin demo: step bad: RuntimeError: of no use" in _words(
        logs, RunFailures((failure,))
    )


def test_future_is_shown_with_its_log_and_its_cost(logs: RunLogs) -> None:
    found = RunFailures(
        failed=(FUTURE, STEP),
        stopped=("x", "y"),
        not_run=tuple("abcdefg"),
    )
    assert _words(logs, found) == [
        "",
        "the last lines of slow:",
        "    of the future",
        "",
        "FAILED after 3.0 s: stack install: plugin demo: future slow: exit code 7",
        "FAILED after 3.0 s: stack install: plugin demo: step bad: RuntimeError: of no use",
        "stopped because of it: x, y; not run because of it: a, b, c and 4 more",
        "log: /d/async/slow.log",
        "fix it, then resume with: doit stack",
    ]


@pytest.mark.parametrize(
    ("rc", "error", "told"),
    [
        (7, "future slow: failed with rc 7", "exit code 7"),
        (7, "future slow: /a b/x.py:3: failed with rc 7", "/a b/x.py:3: exit code 7"),
        (7, "future slow: OSError: x failed with rc 7", "OSError: x failed with rc 7"),
        (137, "future slow: failed with rc 137", "exit code 137 (128 + SIGKILL)"),
        (255, "future slow: failed with rc 255", "exit code 255"),
        (137, "future slow: was killed by SIGKILL", "was killed by SIGKILL"),
        (1, "KeyError: 'lost'", "KeyError: 'lost'"),
        (1, "", "failed"),
    ],
)
def test_end_of_a_future_is_a_code_a_signal_or_an_exception(
    logs: RunLogs, rc: int, error: str, told: str
) -> None:
    words = _words(logs, RunFailures((replace(FUTURE, rc=rc, error=error),)))
    assert f"FAILED after 3.0 s: stack install: plugin demo: future slow: {told}" in words


def test_message_of_die_stands_in_the_line_of_the_failure(logs: RunLogs) -> None:
    assert logs.futures
    text = "[Call Trace]\n/my dir/a.sh:3:f\n[ERROR] /my dir/a.sh:12 git call failed: [git x]\nM a\n"
    (logs.futures / "slow.log").write_text(text)
    words = _words(logs, RunFailures((FUTURE,)))
    assert words[-3].endswith("future slow: exit code 7: git call failed: [git x]")


def test_trace_of_a_script_is_named_if_there_is_one(logs: RunLogs) -> None:
    found = RunFailures((replace(STEP, log=(19, 31)),))
    assert logs.traces
    (logs.traces / f"{STEP.task}.log").touch()
    assert not [line for line in _words(logs, found) if "trace" in line]
    (logs.traces / f"{STEP.task}.log").write_text("+ false\n")
    words = _words(logs, found)
    assert words[-2] == "trace of its commands: /d/xtrace/stack:install:demo:bad.log"


def test_log_that_has_gone_is_no_error(logs: RunLogs) -> None:
    assert logs.futures
    (logs.futures / "slow.log").unlink()
    words = _words(logs, RunFailures((FUTURE,)))
    assert words[1] == "FAILED after 3.0 s: stack install: plugin demo: future slow: exit code 7"


def test_long_log_is_read_from_its_end(logs: RunLogs) -> None:
    text = "".join(f"line {number}\n" for number in range(100_000))
    assert logs.futures
    (logs.futures / "slow.log").write_text(text)
    words = _words(logs, RunFailures((FUTURE,)))
    assert words[2 : 2 + LINES] == [f"    line {number}" for number in range(99_980, 100_000)]


def test_interruption_shows_what_was_stopped(logs: RunLogs) -> None:
    found = RunFailures((), STEP, ("x",), ("a",))
    assert _words(logs, found, signalled="SIGINT") == [
        "",
        "INTERRUPTED by SIGINT after 3.0 s: stack install: plugin demo: step bad",
        "stopped because of it: x; not run because of it: a",
        "log: /d/stack.log",
        "resume with: doit stack",
    ]


@pytest.mark.parametrize(("awaited", "told"), [("slow", "slow"), ("", "a future")])
def test_interruption_shows_what_the_main_line_waited_for(
    logs: RunLogs, awaited: str, told: str
) -> None:
    words = _words(logs, RunFailures(awaited=awaited), signalled="SIGINT")
    assert words[1] == f"INTERRUPTED by SIGINT while the main line waited for {told}"


def test_interruption_between_steps_shows_what_had_failed_before(logs: RunLogs) -> None:
    assert _words(logs, RunFailures((FUTURE,)), signalled="SIGTERM") == [
        "",
        "INTERRUPTED by SIGTERM",
        "failed too: slow",
        "log: /d/stack.log",
        "resume with: doit stack",
    ]


def test_error_without_an_event_is_shown_as_it_is(logs: RunLogs) -> None:
    assert _words(logs, RunFailures(), "ERROR: doit is lost", "and more") == [
        "",
        "ERROR: doit is lost",
        "log: /d/stack.log",
        "fix it, then resume with: doit stack",
    ]
