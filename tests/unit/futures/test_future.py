"""A future as its user holds it, in a registry that only records."""

from concurrent.futures import CancelledError

import pytest

from doitstack.errors import FutureError, StepError
from doitstack.futures.future import ENDED_STATES, Future, FutureState, RemoteTraceback, in_one_line


class Registry:
    """Records the calls of its future; `at_settle` is the state after a wait."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.at_settle = FutureState.COLLECTED
        self.errors: list[Exception] = []

    def record_ends(self) -> None:
        self.asked.append("record ends")

    def cancel(self, future: Future) -> bool:
        self.asked.append("cancel")
        return future.state is FutureState.QUEUED

    def settle(self, future: Future, timeout: float | None) -> None:
        self.asked.append(timeout)
        if timeout == 0:
            raise TimeoutError
        future.state = self.at_settle

    def report_callback_error(self, future: Future, error: Exception) -> None:
        self.errors.append(error)


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def future(registry: Registry) -> Future:
    return Future(registry, "a", "make all")


@pytest.mark.parametrize("state", FutureState)
def test_states_are_those_of_concurrent_futures(
    future: Future, registry: Registry, state: FutureState
) -> None:
    future.state = state
    assert future.done() == (state in ENDED_STATES)
    assert future.running() == (state is FutureState.RUNNING)
    assert future.cancelled() == (state is FutureState.CANCELLED)
    assert registry.asked == ["record ends"] * 2


@pytest.mark.parametrize(
    ("state", "answer", "asked"),
    [
        (FutureState.QUEUED, True, ["cancel"]),
        (FutureState.RUNNING, False, ["cancel"]),
        (FutureState.CANCELLED, True, []),
    ],
)
def test_only_what_has_not_started_is_cancelled(
    future: Future, registry: Registry, state: FutureState, answer: bool, asked: list[str]
) -> None:
    future.state = state
    assert future.cancel() is answer
    assert registry.asked == asked


def test_result_is_what_the_action_returned_or_raised(future: Future, registry: Registry) -> None:
    future.value = 42
    assert future.result(3) == 42
    assert future.exception() is None
    assert registry.asked == [3, None]
    future.error = StepError("no luck")
    with pytest.raises(StepError, match="no luck"):
        future.result()
    assert future.exception() is future.error
    with pytest.raises(TimeoutError):
        future.result(0)


def test_cancelled_future_has_no_result(future: Future, registry: Registry) -> None:
    registry.at_settle = FutureState.CANCELLED
    for wait in (future.result, future.exception):
        with pytest.raises(CancelledError):
            wait()
    assert future.failure() == "future a was cancelled"


def test_callbacks_are_called_once_and_their_errors_are_reported(
    future: Future, registry: Registry
) -> None:
    called: list[object] = []

    def fail(ended: Future) -> None:
        raise ZeroDivisionError

    for function in (fail, called.append):
        future.add_done_callback(function)
    assert called == []
    future.state = FutureState.ENDED
    for _ in range(2):
        future.call_back()
    assert called == [future]
    future.add_done_callback(called.append)
    assert called == [future, future]
    assert [type(error) for error in registry.errors] == [ZeroDivisionError]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StepError("no luck\nat all"), "future a: no luck"),
        (FutureError("a", "is gone"), "future a: is gone"),
        (ValueError("bad"), "future a: ValueError: bad"),
    ],
)
def test_failure_is_one_line_with_its_name(future: Future, error: Exception, line: str) -> None:
    future.error = error
    assert future.failure() == line
    assert in_one_line(error) in line


def test_code_and_times_have_values_before_the_end(future: Future) -> None:
    assert (future.code, future.waited, future.seconds) == (1, 0.0, 0.0)
    future.rc, future.start_time, future.end_time = 0, 10.0, 12.5
    future.awaited_since, future.end_seen = 11.0, 13.0
    assert (future.code, future.waited, future.seconds) == (0, 2.0, 2.5)


def test_lines_are_devstacks(future: Future) -> None:
    future.pid = 7
    assert future.line("running: make all") == "[Async a:7]: running: make all\n"
    future.in_place = True
    assert future.line("running") == "[Async a:self]: running\n"
    assert repr(future) == "<Future a declared>"
    assert str(RemoteTraceback("Traceback ...")) == "\nTraceback ..."
