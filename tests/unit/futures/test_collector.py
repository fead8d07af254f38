"""Futures are waited for and collected. They have no process here."""

import pytest

from doitstack.errors import FutureError
from tests.unit.futures.manual_run import MakeRun


def test_futures_are_collected_in_the_order_of_the_wait(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    codes: list[int] = []
    run.futures.collector.when_waited_for(("c", "a", "b"), codes.append)
    run.end("a")
    run.end("b")
    assert codes == []
    run.end("c")
    assert codes == [0]
    assert [line for line in run.log.lines if line.startswith("<")] == [
        *("<c.log>", "<a.log>", "<b.log>")
    ]


def test_wait_ends_with_the_first_failure_and_reports_it(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    codes: list[int] = []
    run.futures.collector.when_waited_for(("a", "b", "c"), codes.append)
    run.end("c", 3)
    run.end("b", 7)
    run.end("a")
    assert codes == [7]
    assert run.log.lines[-1] == "Stopping async wait due to error: a b c"
    assert [future.name for future in run.futures.table.uncollected()] == ["c"]
    assert run.futures.collector.failed == "b"


def test_wait_for_what_is_not_there_is_over_at_once(make_run: MakeRun) -> None:
    run = make_run()
    codes: list[int] = []
    run.futures.collector.when_waited_for(("x",), codes.append)
    assert codes == [0]
    assert run.log.lines[-1].startswith("Not waiting for async task x that we never started")


def test_waits_are_answered_though_a_callback_cannot_wait(make_run: MakeRun) -> None:
    """Several of bash's requests come in one read: none is answered inside of another."""
    run = make_run()
    run.start("a")
    answers: list[str] = []

    def read() -> None:
        run.futures.collector.when_waited_for(("a",), lambda rc: answers.append(f"wait {rc}"))
        answers.append("say")

    run.soon(read)
    run.soon(lambda: run.end("a"))
    assert run.context.loop.run_until(lambda: len(answers) == 2, timeout=250)
    assert answers == ["say", "wait 0"]


def test_rest_is_collected_with_warnings_also_after_a_failure(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    run.futures.collector.awaited.add("c")
    wait = run.futures.collector.when_rest_collected()
    assert run.log.lines[0] == "WARNING: uncollected async future a"
    run.end("b", 4)
    run.end("a", 3)
    assert not wait.is_over
    run.end("c")
    assert wait.is_over
    assert [future.name for future in wait.failed] == ["a", "b"]
    warnings = [line for line in run.log.lines if line.startswith("WARNING")]
    assert warnings == [f"WARNING: uncollected async future {name}" for name in "ab"]


def test_thousands_of_ended_futures_are_collected_without_recursion(make_run: MakeRun) -> None:
    run = make_run()
    for number in range(1100):
        run.start(f"f{number}")
        run.end(f"f{number}")
    assert run.futures.collector.when_rest_collected().is_over


def test_main_line_stays_until_the_end_of_a_wait(make_run: MakeRun) -> None:
    run = make_run()
    run.start("a")
    run.soon(lambda: run.end("a", 5))
    wait = run.futures.collector.when_collected(["a"])
    assert run.futures.collector.wait_until_over(wait)
    assert wait.rc == 5


def test_wait_that_is_left_collects_nothing_more(make_run: MakeRun) -> None:
    run = make_run()
    run.start("a")
    wait = run.futures.collector.when_collected(["a"])
    run.context.loop.interrupt(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run.futures.collector.wait_until_over(wait)
    run.end("a")
    assert run.futures.table.find("a"), "not collected"


def test_result_waits_collects_and_raises_what_failed(make_run: MakeRun) -> None:
    run = make_run()
    good, bad = run.start("good"), run.start("bad")
    run.soon(lambda: run.end("bad", 2))
    run.soon(lambda: run.end("good"))
    assert good.result() is None
    assert good.result() is None, "collected already"
    assert isinstance(bad.exception(), FutureError)
    with pytest.raises(FutureError, match="failed with rc 2"):
        bad.result()


def test_result_with_a_timeout_gives_up(make_run: MakeRun) -> None:
    run = make_run()
    future = run.start("a")
    with pytest.raises(TimeoutError):
        future.result(timeout=0)
    assert run.events[-1]["event"] == "wait_end"
    run.end("a")
    assert future.result(timeout=0) is None


def test_wait_of_a_future_without_a_process_names_it_once_it_has_one(make_run: MakeRun) -> None:
    run = make_run()
    future = run.futures.declare("a", "do a")
    run.futures.collector.when_collected(["a"])
    assert run.log.lines == []
    run.futures.start_when_possible(future, lambda: run.futures.runs(future, 9, 1.0))
    run.futures.pump()
    assert run.log.lines == ["[Async a:9]: Waiting for completion of do a (0 other jobs running)"]
