"""The one place where the main process waits."""

import os
from collections.abc import Iterator

import pytest

from doitstack.processes.event_loop import Loop


class Pipes:
    """Pipes to make readable; `calls` are the names of those whose callback was called."""

    def __init__(self, loop: Loop) -> None:
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
    loop = Loop(lambda: ticks.append(1))
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


def test_loop_may_be_entered_again_from_a_callback(pipes: Pipes) -> None:
    pipes.watch("inner")
    read, write = os.pipe()

    def outer() -> None:
        os.read(read, 1)
        pipes.feed("inner")
        pipes.loop.run_until(lambda: "inner" in pipes.calls)
        pipes.calls.append("outer")

    pipes.loop.watch(read, outer)
    os.write(write, b"x")
    pipes.loop.run_until(lambda: "outer" in pipes.calls)
    for end in (read, write):
        os.close(end)
    assert pipes.calls == ["inner", "outer"]


def test_interruption_comes_at_once_outside_of_critical_sections(pipes: Pipes) -> None:
    with pytest.raises(KeyboardInterrupt):
        pipes.loop.interrupt(KeyboardInterrupt())


def test_interruption_waits_for_the_end_of_a_shielded_block(pipes: Pipes) -> None:
    done = []

    def work() -> None:
        with pipes.loop.shielded():
            with pipes.loop.shielded():
                pipes.loop.interrupt(KeyboardInterrupt())
                done.append("inner")
            done.append("outer")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["inner", "outer"]
    pipes.loop.turn(0)


def test_interruption_in_a_callback_waits_for_its_end(pipes: Pipes) -> None:
    read, write = os.pipe()
    done = []

    def callback() -> None:
        os.read(read, 1)
        pipes.loop.interrupt(KeyboardInterrupt())
        done.append("whole")

    pipes.loop.watch(read, callback)
    os.write(write, b"x")
    with pytest.raises(KeyboardInterrupt):
        pipes.loop.turn(0)
    for end in (read, write):
        os.close(end)
    assert done == ["whole"]
