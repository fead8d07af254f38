"""The futures of a run: their life, their waits, their end. Futures have no process here."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doitstack.errors import FutureError, StepError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.watchdog import mark
from doitstack.journal.job_file import Job, open_job
from tests.unit.fake_run import FakeRun, closed_at_the_end


class Run(FakeRun):
    """A run whose futures are started and ended by hand."""

    def __init__(self, directory: Path, **options: int) -> None:
        super().__init__(directory, **options)
        self.futures = FutureRegistry(self.context)
        self.started: list[str] = []

    def start(self, name: str, *, lock: str = "") -> Future:
        future = self.futures.declare(name, f"do {name}", lock=lock)
        self.futures.start_when_possible(future, lambda: self._begin(future))
        self.futures.pump()
        return future

    def _begin(self, future: Future) -> None:
        self.started.append(future.name)
        self.futures.runs(future, 77, 1.0)

    def end(self, name: str, rc: int = 0) -> None:
        future = self.futures.find(name)
        assert future
        self.record_end(name, rc)
        self.futures.ended(future, rc)


MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[MakeRun]:
    with closed_at_the_end(Run, tmp_path) as make:
        yield make


# -- life ----------------------------------------------------------------------------------------


def test_future_goes_through_its_states_and_each_is_in_the_journal(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    first, second = run.start("a"), run.start("b")
    assert (first.state, second.state) == (FutureState.RUNNING, FutureState.QUEUED)
    run.end("a")
    assert (first.state, second.state) == (FutureState.ENDED, FutureState.RUNNING)
    run.futures.collect(first)
    assert first.state is FutureState.COLLECTED
    assert run.kinds("a") == ["future_start", "future_end", "wait_start", "collected"]
    assert run.kinds("b") == ["future_queued", "future_start"]
    assert run.futures.find("a") is None
    assert first.seconds == 1.5, "by its own record"


def test_future_ends_once(make_run: MakeRun) -> None:
    run = make_run()
    future = run.start("a")
    run.end("a")
    run.futures.ended(future, 3)
    assert future.rc == 0
    assert run.kinds("a").count("future_end") == 1


def test_name_that_is_taken_bad_or_too_late_is_refused(make_run: MakeRun) -> None:
    run = make_run()
    run.start("a")
    with pytest.raises(FutureError, match="already started"):
        run.start("a")
    with pytest.raises(FutureError, match="bad name"):
        run.start("../a")
    with pytest.raises(FutureError, match="bad name for a lock"):
        run.start("b", lock="../a")
    run.futures.is_closed = True
    with pytest.raises(FutureError, match="is being stopped"):
        run.start("b")


def test_command_is_shown_without_secrets(make_run: MakeRun) -> None:
    future = make_run().futures.declare("a", "login secret\nnow")
    assert future.command == "login ***\\nnow"


def test_future_that_cannot_start_fails_and_the_next_has_its_turn(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    lost = run.futures.declare("lost", "no")
    run.futures.start_when_possible(
        lost, lambda: run.futures.cannot_start(lost, OSError("no memory"))
    )
    run.start("b")
    assert lost.state is FutureState.ENDED
    assert lost.failure() == "future lost: cannot be started: no memory"
    assert run.started == ["b"]


def test_nothing_goes_on_of_a_future_that_was_killed(make_run: MakeRun) -> None:
    run = make_run()
    killed, unknown = run.start("killed"), run.futures.declare("unknown", "do unknown")
    for future in (killed, unknown):
        environ = {**os.environ, "DOITSTACK_FUTURE": mark(run.context.name, future.name)}
        with subprocess.Popen(["sleep", "600"], env=environ, start_new_session=True) as daemon:
            job = Job("do it", daemon.pid + 1, 1, 1)
            os.close(open_job(run.context.futures_dir / f"{future.name}.ini", job))
            if future is killed:
                run.futures.ended(future, -signal.SIGKILL)
            else:
                run.futures.cannot_start(future, StepError("the bash session has ended"))
            assert daemon.wait(timeout=60) == -signal.SIGKILL


def test_thousands_that_cannot_start_do_not_nest(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    run.start("first")
    for number in range(1100):
        future = run.futures.declare(f"f{number}", "no")
        run.futures.start_when_possible(
            future, lambda future=future: run.futures.cannot_start(future, OSError("no"))
        )
    run.futures.pump()
    run.end("first")
    assert all(future.has_ended for future in run.futures.uncollected())


def test_cancelled_future_does_not_start(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    run.start("a")
    future = run.start("b")
    assert future.cancel()
    assert future.cancel(), "it is cancelled already"
    assert future.done()
    assert run.kinds("b") == ["future_queued", "future_cancelled"]
    run.end("a")
    assert run.started == ["a"]
    assert run.futures.uncollected() == [run.futures.find("a")]
    assert not run.start("c").cancel(), "it runs"


# -- waits ---------------------------------------------------------------------------------------


def test_futures_are_collected_in_the_order_of_the_wait(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    codes: list[int] = []
    run.futures.when_waited_for(("c", "a", "b"), codes.append)
    run.end("a")
    run.end("b")
    assert codes == []
    run.end("c")
    assert codes == [0]
    assert [line for line in run.log.lines if line.startswith("<")] == [
        *("<c.log>", "<a.log>", "<b.log>")
    ]


def test_wait_ends_with_the_first_failure_and_says_so(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    codes: list[int] = []
    run.futures.when_waited_for(("a", "b", "c"), codes.append)
    run.end("c", 3)
    run.end("b", 7)
    run.end("a")
    assert codes == [7]
    assert run.log.lines[-1] == "Stopping async wait due to error: a b c"
    assert [future.name for future in run.futures.uncollected()] == ["c"]
    assert run.futures.failed == "b"


def test_wait_for_what_is_not_there_is_over_at_once(make_run: MakeRun) -> None:
    run = make_run()
    codes: list[int] = []
    run.futures.when_waited_for(("x",), codes.append)
    assert codes == [0]
    assert run.log.lines[-1].startswith("Not waiting for async task x that we never started")


def test_waits_are_answered_though_a_callback_cannot_wait(make_run: MakeRun) -> None:
    """Several of bash's requests come in one read: none is answered inside of another."""
    run = make_run()
    run.start("a")
    answers: list[str] = []

    def read() -> None:
        run.futures.when_waited_for(("a",), lambda rc: answers.append(f"wait {rc}"))
        answers.append("say")

    run.soon(read)
    run.soon(lambda: run.end("a"))
    assert run.context.loop.run_until(lambda: len(answers) == 2, timeout=10)
    assert answers == ["say", "wait 0"]


def test_rest_is_collected_with_warnings_also_after_a_failure(make_run: MakeRun) -> None:
    run = make_run()
    for name in "abc":
        run.start(name)
    run.futures.awaited.add("c")
    wait = run.futures.when_rest_collected()
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
    assert run.futures.when_rest_collected().is_over


def test_main_line_stays_until_the_end_of_a_wait(make_run: MakeRun) -> None:
    run = make_run()
    run.start("a")
    run.soon(lambda: run.end("a", 5))
    wait = run.futures.when_collected(["a"])
    assert run.futures.stay(wait)
    assert wait.rc == 5


def test_wait_that_is_left_collects_nothing_more(make_run: MakeRun) -> None:
    run = make_run()
    run.start("a")
    wait = run.futures.when_collected(["a"])
    run.context.loop.interrupt(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run.futures.stay(wait)
    run.end("a")
    assert run.futures.find("a"), "not collected"


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


def test_done_callback_may_fail_but_not_wait(make_run: MakeRun) -> None:
    run = make_run()
    future, other = run.start("a"), run.start("other")
    called: list[str] = []

    def wait_for_other(_: Future) -> None:
        assert other.running()
        with pytest.raises(StepError, match="cannot wait"):
            other.result()
        called.append("waited")

    def fail(_: Future) -> None:
        raise ValueError("boom")

    future.add_done_callback(fail)
    future.add_done_callback(wait_for_other)
    run.soon(lambda: run.end("a"))
    run.context.loop.turn(1)
    assert called == ["waited"]
    assert "[Async a:77]: a done callback failed" in run.log.lines
    assert "ValueError: boom" in run.log.lines


def test_wait_of_a_future_without_a_process_names_it_once_it_has_one(make_run: MakeRun) -> None:
    run = make_run()
    future = run.futures.declare("a", "do a")
    run.futures.when_collected(["a"])
    assert run.log.lines == []
    run.futures.start_when_possible(future, lambda: run.futures.runs(future, 9, 1.0))
    run.futures.pump()
    assert run.log.lines == ["[Async a:9]: Waiting for completion of do a (0 other jobs running)"]


# -- stop ----------------------------------------------------------------------------------------


def test_stop_cancels_what_waits_and_ends_what_runs(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(jobs=1)
    in_session = run.futures.declare("session", "echo")
    run.futures.start_when_possible(in_session, lambda: run.futures.runs(in_session, 0, 1.0))
    queued = run.start("queued")
    forking = run.futures.declare("forking", "echo")
    codes: list[int] = []
    run.futures.when_waited_for(("session",), codes.append)

    assert run.futures.stop_all(list) == [in_session]

    assert in_session.has_ended
    assert queued.cancelled()
    assert forking.cancelled()
    assert codes == [], "whoever waited is stopped, too"
    assert run.kinds("session")[-1] == "future_stopped"
    assert run.futures.when_rest_collected().is_over


def test_future_that_the_shell_is_forking_is_cancelled_by_a_stop(make_run: MakeRun) -> None:
    run = make_run()
    future = run.futures.declare("a", "echo")
    run.futures.start_when_possible(future, lambda: None)
    run.futures.pump()
    assert future.state is FutureState.STARTING
    run.futures.stop_all(list)
    assert future.cancelled()
