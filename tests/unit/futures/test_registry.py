"""The futures of a run: their start, their end, their stop. They have no process here."""

import os
import signal
import subprocess
import sys

import pytest

from doitstack.errors import FutureError, StepError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.watchdog import mark
from doitstack.journal.job_file import Job, open_job
from tests.unit.futures.manual_run import NO_PID, MakeRun


def test_future_goes_through_its_states_and_each_is_in_the_journal(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    first, second = run.start("a"), run.start("b")
    assert (first.state, second.state) == (FutureState.RUNNING, FutureState.QUEUED)
    run.end("a")
    assert (first.state, second.state) == (FutureState.ENDED, FutureState.RUNNING)
    run.futures.collector.collect(first)
    assert first.state is FutureState.COLLECTED
    assert run.kinds("a") == ["future_start", "future_end", "wait_start", "collected"]
    assert run.kinds("b") == ["future_queued", "future_start"]
    assert run.futures.table.find("a") is None
    assert first.seconds == 1.5, "by its own record"


def test_clock_that_is_set_makes_no_times_outside_of_the_run(make_run: MakeRun) -> None:
    run = make_run()
    future = run.futures.declare("a", "do a")
    declared = future.declare_time
    run.futures.runs(future, NO_PID, 1.0)
    assert future.start_time == declared
    run.record_end("a", 0, end_time=10**15)
    run.futures.ended(future, 0)
    assert declared <= future.end_time <= run.context.journal.now()


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
            job = Job("do it", NO_PID, 1, 1)
            os.close(open_job(run.context.futures_dir / f"{future.name}.ini", job))
            if future is killed:
                run.futures.ended(future, -signal.SIGKILL)
            else:
                run.futures.cannot_start(future, StepError("the bash session has ended"))
            assert daemon.wait() == -signal.SIGKILL


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
    assert all(future.has_ended for future in run.futures.table.uncollected())


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
    assert run.futures.table.uncollected() == [run.futures.table.find("a")]
    assert not run.start("c").cancel(), "it runs"


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
    assert f"[Async a:{NO_PID}]: a done callback failed" in run.log.lines
    assert "ValueError: boom" in run.log.lines


def test_stop_cancels_what_waits_and_ends_what_runs(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without descriptors, nothing can be imported: all must be stopped even then.
    monkeypatch.setitem(sys.modules, "concurrent.futures", None)
    run = make_run(jobs=1)
    in_session = run.futures.declare("session", "echo")
    run.futures.start_when_possible(in_session, lambda: run.futures.runs(in_session, 0, 1.0))
    queued = run.start("queued")
    forking = run.futures.declare("forking", "echo")
    codes: list[int] = []
    run.futures.collector.when_waited_for(("session",), codes.append)

    assert run.futures.stop_all(list) == [in_session]

    assert in_session.has_ended
    assert queued.cancelled()
    assert forking.cancelled()
    assert codes == [], "whoever waited is stopped, too"
    assert run.kinds("session")[-1] == "future_stopped"
    assert run.futures.collector.when_rest_collected().is_over


def test_future_that_the_shell_is_forking_is_cancelled_by_a_stop(make_run: MakeRun) -> None:
    run = make_run()
    future = run.futures.declare("a", "echo")
    run.futures.start_when_possible(future, lambda: None)
    run.futures.pump()
    assert future.state is FutureState.STARTING
    run.futures.stop_all(list)
    assert future.cancelled()
