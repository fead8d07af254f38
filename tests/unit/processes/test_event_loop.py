"""The one place where the main process waits."""

import fcntl
import os
import resource
import signal
import time
from collections.abc import Iterator

import pytest

from doitstack.errors import StepError
from doitstack.processes.event_loop import EventLoop


class Pipes:
    """Pipes to make readable; `calls` are the names of those whose callback was called."""

    def __init__(self, loop: EventLoop) -> None:
        self.loop = loop
        self.calls: list[str] = []
        self._ends: dict[str, tuple[int, int]] = {}

    def watch(self, name: str) -> int:
        """Watch a new pipe."""
        self._ends[name] = read, _ = os.pipe()
        self.loop.watch(read, lambda: self._read(name))
        return read

    def _read(self, name: str) -> None:
        os.read(self._ends[name][0], 1)
        self.calls.append(name)

    def feed(self, name: str) -> None:
        """Make a pipe readable."""
        os.write(self._ends[name][1], b"x")

    def close(self) -> None:
        """Close all pipes."""
        for ends in self._ends.values():
            for end in ends:
                os.close(end)


@pytest.fixture
def ticks() -> list[int]:
    """What has been shown."""
    return []


@pytest.fixture
def pipes(ticks: list[int]) -> Iterator[Pipes]:
    """Pipes and a loop."""
    loop = EventLoop()
    loop.on_tick = lambda: ticks.append(1)
    made = Pipes(loop)
    yield made
    made.close()
    loop.close()


def test_turn_calls_back_for_ready_descriptors(pipes: Pipes, ticks: list[int]) -> None:
    for name in "ab":
        pipes.watch(name)
    pipes.feed("b")
    pipes.loop.turn(0)
    assert pipes.calls == ["b"]
    assert len(ticks) == 1


def test_forgotten_descriptor_is_not_called(pipes: Pipes) -> None:
    descriptor = pipes.watch("a")
    pipes.feed("a")
    pipes.loop.forget(descriptor)
    pipes.loop.turn(0)
    assert pipes.calls == []


def test_callback_may_end_the_watch_of_another(pipes: Pipes) -> None:
    ends: list[int] = []
    for _ in range(2):
        read, write = os.pipe()
        os.write(write, b"x")
        ends += [read, write]

    def first_come() -> None:
        pipes.calls.append("one")
        for read in (ends[0], ends[2]):
            pipes.loop.forget(read)

    for read in (ends[0], ends[2]):
        pipes.loop.watch(read, first_come)
    pipes.loop.turn(0)
    for end in ends:
        os.close(end)
    assert pipes.calls == ["one"]


def test_run_until_ends_when_the_condition_holds(pipes: Pipes) -> None:
    pipes.watch("a")
    pipes.feed("a")
    assert pipes.loop.run_until(lambda: pipes.calls == ["a"])


def test_run_until_gives_up_after_the_timeout(pipes: Pipes) -> None:
    assert pipes.loop.run_until(lambda: False, timeout=0.01) is False
    assert pipes.loop.run_until(lambda: True, timeout=0) is True


def test_callback_cannot_wait(pipes: Pipes) -> None:
    pipes.watch("inner")
    pipes.feed("inner")
    read, write = os.pipe()
    refused: list[str] = []

    def outer() -> None:
        os.read(read, 1)
        assert pipes.loop.is_calling_back
        assert pipes.loop.run_until(lambda: True), "there is nothing to wait for"
        with pytest.raises(StepError) as error:
            pipes.loop.run_until(lambda: False)
        refused.append(str(error.value))

    pipes.loop.watch(read, outer)
    os.write(write, b"x")
    pipes.loop.run_until(lambda: bool(refused))
    for end in (read, write):
        os.close(end)
    assert refused == ["a callback of a future cannot wait; wait in an action of a step"]
    assert not pipes.loop.is_calling_back


def test_interruption_waits_until_the_loop_waits(pipes: Pipes) -> None:
    pipes.loop.interrupt(KeyboardInterrupt())
    pipes.loop.run_until(lambda: True)
    with pytest.raises(KeyboardInterrupt):
        pipes.loop.run_until(lambda: False)
    assert pipes.loop.take_interruption() is None, "it comes once"


def test_interruption_comes_at_once_where_it_may(pipes: Pipes) -> None:
    done: list[str] = []

    def work() -> None:
        with pipes.loop.interruptible():
            pipes.loop.interrupt(KeyboardInterrupt())
            done.append("more")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == []


def test_earlier_interruption_comes_before_an_interruptible_block(pipes: Pipes) -> None:
    pipes.loop.interrupt(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt), pipes.loop.interruptible():
        pytest.fail("the block runs")


def test_shield_in_an_interruptible_block_keeps_an_interruption_to_its_end(pipes: Pipes) -> None:
    done: list[str] = []

    def work() -> None:
        with pipes.loop.interruptible():
            with pipes.loop.shielded():
                pipes.loop.interrupt(KeyboardInterrupt())
                done.append("shielded")
            done.append("behind")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["shielded"]
    pipes.loop.turn(0)


def test_shielded_code_is_interrupted_where_it_waits(pipes: Pipes) -> None:
    def work() -> None:
        with pipes.loop.interruptible(), pipes.loop.shielded():
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            pipes.loop.run_until(lambda: False)

    before = signal.signal(signal.SIGALRM, lambda *_: pipes.loop.interrupt(KeyboardInterrupt()))
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        signal.signal(signal.SIGALRM, before)


def test_interruption_in_a_callback_waits_for_its_end(pipes: Pipes) -> None:
    read, write = os.pipe()
    done: list[str] = []

    def callback() -> None:
        os.read(read, 1)
        pipes.loop.interrupt(KeyboardInterrupt())
        done.append("whole")

    pipes.loop.watch(read, callback)
    os.write(write, b"x")
    pipes.loop.turn(0)
    assert done == ["whole"]
    with pytest.raises(KeyboardInterrupt):
        pipes.loop.turn(0)
    for end in (read, write):
        os.close(end)


def test_interruption_that_is_taken_is_not_raised(pipes: Pipes) -> None:
    error = KeyboardInterrupt()
    pipes.loop.interrupt(error)
    assert pipes.loop.take_interruption() is error
    pipes.loop.turn(0)


def test_calls_come_after_their_time_unless_they_are_prevented() -> None:
    loop = EventLoop()
    calls: list[str] = []
    loop.call_later(3600, lambda: calls.append("much later"))
    prevent = loop.call_later(0, lambda: calls.append("prevented"))
    prevent()
    loop.call_later(0, lambda: calls.append("soon"))
    loop.turn(0)
    assert calls == ["soon"]
    began = time.monotonic()
    loop.call_later(0.01, lambda: calls.append("late"))
    assert loop.run_until(lambda: len(calls) == 2, timeout=250)
    assert time.monotonic() - began >= 0.01
    assert calls == ["soon", "late"]
    prevent()
    loop.close()


def test_descriptors_may_be_beyond_those_of_select(pipes: Pipes) -> None:
    """Thousands of futures have higher numbers than select(2) takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    read, write = os.pipe()
    high = fcntl.fcntl(read, fcntl.F_DUPFD_CLOEXEC, 2000)
    called: list[int] = []
    try:
        pipes.loop.watch(high, lambda: called.append(high))
        os.write(write, b"x")
        pipes.loop.turn(1)
        pipes.loop.forget(high)
    finally:
        for descriptor in (read, write, high):
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert called == [high]
