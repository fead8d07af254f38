"""Whose turn it is: slots, locks, and the longest remaining path."""

import os
from collections.abc import Iterator

import pytest

from doitstack.futures.future import Future
from doitstack.futures.slots import Slots
from doitstack.futures.start_queue import Queue
from doitstack.processes.event_loop import Loop


class Run:
    """A queue, and the names of the futures whose turn has come."""

    def __init__(self, jobs: int) -> None:
        self.slots = Slots(jobs)
        self.loop = Loop(lambda: None)
        self.queue = Queue(self.slots, self.loop)
        self.started: list[str] = []
        self.futures: dict[str, Future] = {}

    def add(self, name: str, lock: str = "", remaining: float = 0.0) -> None:
        future = self.futures[name] = Future(None, name, name, lock, remaining)  # type: ignore[arg-type]
        self.queue.add(future, lambda: self.started.append(name))

    def end(self, name: str) -> None:
        self.queue.release(self.futures[name])
        self.queue.start()


@pytest.fixture
def make_run() -> Iterator[type[Run]]:
    made: list[Run] = []

    class Made(Run):
        def __init__(self, jobs: int) -> None:
            super().__init__(jobs)
            made.append(self)

    yield Made
    for run in made:
        run.slots.close()
        run.loop.close()


def test_all_start_in_order_without_a_bound(make_run: type[Run]) -> None:
    run = make_run(0)
    for name in "abc":
        run.add(name)
    run.queue.start()
    assert run.started == ["a", "b", "c"]
    assert run.queue.has_running


def test_next_starts_when_one_ends(make_run: type[Run]) -> None:
    run = make_run(1)
    for name in "abc":
        run.add(name)
    run.queue.start()
    assert run.started == ["a"]
    run.end("a")
    assert run.started == ["a", "b"]
    assert [future.name for future in run.queue] == ["c"]


def test_longest_remaining_path_is_first_and_equals_stay_in_order(make_run: type[Run]) -> None:
    run = make_run(1)
    for name, remaining in (("a", 1), ("b", 5), ("c", 1), ("d", 5), ("e", 9)):
        run.add(name, remaining=remaining)
    run.queue.start()
    for name in "ebdac":
        run.end(name)
    assert run.started == list("ebdac")


def test_those_with_one_lock_take_turns_and_no_slot(make_run: type[Run]) -> None:
    run = make_run(2)
    run.add("a", "apt")
    run.add("b", "apt")
    run.add("c", "git")
    run.add("d")
    run.queue.start()
    assert run.started == ["a", "c"]
    run.end("c")
    assert run.started == ["a", "c", "d"], "b waits for a, not for a slot"
    run.end("d")
    assert not run.futures["b"].has_turn
    run.end("a")
    assert run.started == ["a", "c", "d", "b"]


def test_lock_belongs_to_who_has_it(make_run: type[Run]) -> None:
    run = make_run(0)
    run.add("a", "apt")
    run.add("b", "apt")
    run.add("c", "apt")
    run.queue.start()
    run.queue.remove(run.futures["b"])
    run.end("b")
    assert run.started == ["a"], "b never had it"
    run.end("a")
    assert run.started == ["a", "c"]


def test_one_that_was_taken_back_does_not_start(make_run: type[Run]) -> None:
    run = make_run(0)
    run.add("a")
    assert run.queue.remove(run.futures["a"])
    assert not run.queue.remove(run.futures["a"])
    run.queue.start()
    assert run.started == []


def test_slot_that_a_build_gives_back_starts_the_next(make_run: type[Run]) -> None:
    run = make_run(1)
    build = os.open(run.slots.path, os.O_RDWR)
    token = os.read(build, 1)
    run.add("a")
    run.queue.start()
    run.loop.turn(0)
    assert run.started == []
    os.write(build, token)
    os.close(build)
    run.loop.turn(10)
    assert run.started == ["a"]
    run.end("a")
    # It would raise KeyError if the queue watched the slots still, with nobody in it.
    run.loop.watch(run.slots.descriptor, run.queue.start)
