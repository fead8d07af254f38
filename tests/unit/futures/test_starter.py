"""Who starts when: the scheduler decides, and a build may hold the slots."""

import os
from collections.abc import Iterator

import pytest

from doitstack.futures.future import Future
from doitstack.futures.slots import Slots
from doitstack.futures.starter import Starter
from doitstack.processes.event_loop import EventLoop
from doitstack.scheduling.scheduler import Scheduler, Task, TaskKind, TaskState


class Run:
    """A starter, and the names of the futures that it has started or let wait."""

    def __init__(self, jobs: int) -> None:
        self.slots = Slots(jobs)
        self.loop = EventLoop()
        self.scheduler = Scheduler(self.slots)
        self.waiting: list[str] = []
        self.starter = Starter(
            self.scheduler, self.slots, self.loop, lambda future: self.waiting.append(future.name)
        )
        self.started: list[str] = []
        self.futures: dict[str, Future] = {}

    def add(self, name: str, lock: str = "", rank: float = 0.0, task: str = "") -> Future:
        future = self.futures[name] = Future(None, name, name, task)  # type: ignore[arg-type]
        future.lock, future.rank = lock, rank
        self.starter.add(future, lambda: self.started.append(name))
        return future

    def end(self, name: str) -> None:
        self.futures[name].rc = 0
        self.starter.ended(self.futures[name])
        self.starter.pump()


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
    run.starter.pump()
    assert run.started == ["a", "b", "c"]
    assert run.waiting == []


def test_next_starts_when_one_ends_and_waits_are_announced_once(make_run: type[Run]) -> None:
    run = make_run(1)
    for name in "abc":
        run.add(name)
    run.starter.pump()
    assert (run.started, run.waiting) == (["a"], ["b", "c"])
    run.end("a")
    assert (run.started, run.waiting) == (["a", "b"], ["b", "c"])


def test_greatest_rank_is_first_and_equals_stay_in_order(make_run: type[Run]) -> None:
    run = make_run(1)
    for name, rank in (("a", 1), ("b", 5), ("c", 1), ("d", 5), ("e", 9)):
        run.add(name, rank=rank)
    run.starter.pump()
    for name in "ebdac":
        run.end(name)
    assert run.started == list("ebdac")


def test_those_with_one_lock_take_turns_and_no_slot(make_run: type[Run]) -> None:
    run = make_run(2)
    for name, lock in (("a", "apt"), ("b", "apt"), ("c", "git"), ("d", "")):
        run.add(name, lock)
    run.starter.pump()
    assert run.started == ["a", "c"]
    run.end("c")
    assert run.started == ["a", "c", "d"], "b waits for a, not for a slot"
    run.end("d")
    run.end("a")
    assert run.started == ["a", "c", "d", "b"]


def test_future_that_has_ended_before_its_turn_does_not_start(make_run: type[Run]) -> None:
    run = make_run(1)
    for name in "abc":
        run.add(name)
    run.starter.pump()
    run.end("b")
    assert run.started == ["a"], "the slot is a's"
    run.end("a")
    assert run.started == ["a", "c"]


def test_same_name_may_be_used_again(make_run: type[Run]) -> None:
    run = make_run(0)
    for _ in range(2):
        run.add("a")
        run.starter.pump()
        run.end("a")
    assert run.started == ["a", "a"]


def test_future_of_the_plan_starts_as_its_task_and_ends_for_the_runner(make_run: type[Run]) -> None:
    run = make_run(0)
    run.starter.on_due = lambda due: run.add("f", task=due.name) and None
    run.scheduler.add(Task("stack:f", TaskKind.FUTURE), Task("next", needs=("stack:f",)))
    run.starter.pump()
    assert run.started == ["f"]
    assert run.scheduler.state("stack:f") is TaskState.RUNNING
    run.end("f")
    assert run.scheduler.state("stack:f") is TaskState.RUNNING, "the runner knows how it has ended"
    assert run.starter.is_over(run.futures["f"]) is False


def test_serial_future_of_the_plan_starts_where_the_main_line_is(make_run: type[Run]) -> None:
    run = make_run(0)
    run.scheduler = Scheduler(run.slots, serial=True)
    run.starter = Starter(run.scheduler, run.slots, run.loop, lambda future: None)
    run.scheduler.add(Task("stack:f", TaskKind.FUTURE))
    run.starter.pump()
    assert run.scheduler.next_step()
    run.add("f", task="stack:f")
    assert run.started == ["f"]


def test_pump_inside_of_a_start_does_not_nest(make_run: type[Run]) -> None:
    run = make_run(1)
    depth = deepest = 0

    def start(future: Future) -> None:
        nonlocal depth, deepest
        depth += 1
        deepest = max(deepest, depth)
        future.rc = 1
        run.starter.ended(future)
        run.starter.pump()
        depth -= 1

    for number in range(2000):
        future = Future(None, f"f{number}", "", "")  # type: ignore[arg-type]
        run.starter.add(future, lambda future=future: start(future))
    run.starter.pump()
    assert deepest == 1
    assert run.scheduler.count(TaskState.FAILED) == 2000


def test_slot_that_a_build_gives_back_starts_the_next(make_run: type[Run]) -> None:
    run = make_run(1)
    build = os.open(run.slots.path, os.O_RDWR)
    token = os.read(build, 1)
    run.add("a")
    run.starter.pump()
    run.loop.turn(0)
    assert run.started == []
    os.write(build, token)
    os.close(build)
    run.loop.turn(10)
    assert run.started == ["a"]
    run.end("a")
    # It would raise KeyError if the starter still watched the slots although nothing waits.
    run.loop.watch(run.slots.descriptor, run.starter.pump)
