"""A future that runs for too long is stopped with everything that it has started."""

import os
import subprocess
from types import SimpleNamespace
from typing import Any, cast

import pytest

from doitstack.errors import StepTimeoutError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.time_limit import limit_time, time_out_error
from doitstack.processes.event_loop import EventLoop


class Run:
    """What a time limit needs of a run."""

    def __init__(self) -> None:
        self.name = f"test-{os.getpid()}"
        self.loop = EventLoop()
        self.written: list[str] = []
        self.log = SimpleNamespace(write=self.written.append)


def _future(pid: int, timeout: float) -> Future:
    future = Future(cast(Any, None), "f", "sleep 300")
    future.pid, future.timeout = pid, timeout
    return future


def test_future_is_stopped_after_its_time() -> None:
    run = Run()
    with subprocess.Popen(["sleep", "300"], process_group=0) as sleep:
        future = _future(sleep.pid, 0.01)
        limit_time(cast(Any, run), future)
        assert run.loop.run_until(lambda: future.has_timed_out, timeout=250)
        assert sleep.wait() == -15
    assert run.written == [f"[Async f:{sleep.pid}]: timed out after 0.01 s\n"]
    assert str(time_out_error(future)) == "future f: timed out after 0.01 s"
    assert time_out_error(future).code == 124
    run.loop.close()


def test_future_in_the_bash_session_ends_with_its_step() -> None:
    run = Run()
    future = _future(0, 0.01)
    limit_time(cast(Any, run), future)
    with pytest.raises(StepTimeoutError, match=r"future f: timed out after 0\.01 s"):
        run.loop.run_until(lambda: False, timeout=250)
    assert future.has_timed_out
    run.loop.close()


@pytest.mark.parametrize(("pid", "timeout", "ends"), [(1, 0, False), (1, 0.01, True)])
def test_others_are_left_alone(pid: int, timeout: float, ends: bool) -> None:
    run = Run()
    future = _future(pid, timeout)
    limit_time(cast(Any, run), future)
    if ends:
        future.state = FutureState.ENDED
        future.call_back()
    run.loop.run_until(lambda: False, timeout=0.05)
    assert (run.written, future.has_timed_out) == ([], False)
    run.loop.close()
