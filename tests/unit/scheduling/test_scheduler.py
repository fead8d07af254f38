"""The rules of the scheduler, by hand: random plans reach some of them too seldom."""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from doitstack.scheduling.scheduler import BAD, GOOD, PENDING, Scheduler, Task, TaskKind, TaskState
from doitstack.scheduling.simulation import CountedSlots

FUTURE, WAIT = TaskKind.FUTURE, TaskKind.WAIT


def make(*tasks: Task, jobs: int = 0, serial: bool = False, keep_going: bool = False) -> Scheduler:
    scheduler = Scheduler(CountedSlots(jobs), serial=serial, keep_going=keep_going)
    scheduler.add(*tasks)
    return scheduler


def starts(scheduler: Scheduler) -> list[str]:
    """Queue what is due, and return what starts."""
    started = []
    while task := scheduler.next_due():
        scheduler.queue(task.name)
    while task := scheduler.next_future() or scheduler.next_step():
        started.append(task.name)
    return started


def test_task_starts_once_all_its_needs_have_ended() -> None:
    scheduler = make(Task("a", FUTURE), Task("b", FUTURE), Task("c", needs=("a", "b")))
    assert starts(scheduler) == ["a", "b"]
    scheduler.ended("a", TaskState.DONE)
    assert starts(scheduler) == []
    scheduler.ended("b", TaskState.DONE)
    assert starts(scheduler) == ["c"]


def test_need_that_has_ended_before_its_task_is_added_is_met() -> None:
    scheduler = make(Task("a"), Task("f", FUTURE))
    assert starts(scheduler) == ["f", "a"]
    scheduler.ended("a", TaskState.DONE)
    scheduler.add(Task("b", needs=("a",)), Task("c", needs=("a", "f")))
    assert starts(scheduler) == ["b"]
    scheduler.ended("b", TaskState.DONE)
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["c"]


def test_need_may_be_named_twice() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a", "a")))
    starts(scheduler)
    scheduler.ended("a", TaskState.DONE)
    assert starts(scheduler) == ["b"]


def test_need_that_was_never_added_counts_as_met() -> None:
    assert starts(make(Task("a", needs=("unknown",)))) == ["a"]


def test_wait_at_which_the_main_line_stands() -> None:
    scheduler = make(
        Task("a"),
        Task("f", FUTURE, ("a",)),
        Task("g", FUTURE, ("f",)),
        Task("w", WAIT, ("a", "g", "f")),
        Task("z", needs=("w",)),
    )
    assert starts(scheduler) == ["a"]
    assert scheduler.waits_at() is None
    scheduler.ended("a", TaskState.DONE)
    assert starts(scheduler) == ["f"]
    at = scheduler.waits_at()
    assert at
    assert (at[0].name, [*at[1]]) == ("w", ["g", "f"])
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["g"]
    scheduler.ended("g", TaskState.FAILED)
    at = scheduler.waits_at()
    assert at
    assert (at[0].name, [*at[1]]) == ("w", ["g"]), "known after the stop, too"
    assert scheduler.state("z") is TaskState.NOT_RUN


def test_wait_that_lacks_a_step_is_not_reached() -> None:
    scheduler = make(Task("f", FUTURE), Task("a"), Task("b"), Task("w", WAIT, ("a", "f", "b")))
    starts(scheduler)
    assert scheduler.waits_at() is None
    scheduler.ended("a", TaskState.DONE)
    assert scheduler.waits_at() is None, "b is not done"
    assert starts(scheduler) == ["b"]
    scheduler.ended("b", TaskState.DONE)
    at = scheduler.waits_at()
    assert at
    assert [*at[1]] == ["f"]


def test_wait_that_lacks_nothing_any_more_gives_way_to_the_next() -> None:
    scheduler = make(
        Task("f", FUTURE), Task("g", FUTURE), Task("v", WAIT, ("f",)), Task("w", WAIT, ("v", "g"))
    )
    starts(scheduler)
    scheduler.ended("f", TaskState.DONE)
    assert scheduler.waits_at() is None, "v is about to end"
    scheduler.ended("v", TaskState.DONE)
    at = scheduler.waits_at()
    assert at
    assert at[0].name == "w"


def test_first_wait_in_the_plan_is_named_first() -> None:
    scheduler = make(
        Task("a"), Task("f", FUTURE), Task("v", WAIT, ("a", "f")), Task("w", WAIT, ("f",))
    )
    starts(scheduler)
    at = scheduler.waits_at()
    assert at
    assert at[0].name == "w"
    scheduler.ended("a", TaskState.DONE)
    at = scheduler.waits_at()
    assert at
    assert at[0].name == "v"


def test_wait_whose_end_is_due_is_not_run_by_the_main_line() -> None:
    scheduler = make(Task("w", WAIT), Task("a", needs=("w",)))
    due = scheduler.next_due()
    assert due
    scheduler.ended(due.name, TaskState.DONE)
    assert starts(scheduler) == ["a"]


# -- order ---------------------------------------------------------------------------------------


def test_main_line_has_the_order_of_the_plan_whatever_the_ranks() -> None:
    scheduler = make(Task("a", needs=("f",)), Task("f", FUTURE), Task("b"), Task("c", rank=9))
    assert starts(scheduler) == ["f", "b"]
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == [], "the main line is busy"
    scheduler.ended("b", TaskState.DONE)
    assert starts(scheduler) == ["a"]
    scheduler.ended("a", TaskState.DONE)
    assert starts(scheduler) == ["c"]


def test_most_urgent_future_starts_first() -> None:
    scheduler = make(Task("f", FUTURE, rank=1), Task("g", FUTURE, rank=2), jobs=1)
    assert starts(scheduler) == ["g"]


def test_equals_start_in_the_order_of_queueing() -> None:
    scheduler = make(Task("f", FUTURE), Task("g", FUTURE, ("f",)), Task("h", FUTURE), jobs=1)
    assert starts(scheduler) == ["f"]
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["h"], "g came later"


def test_most_urgent_task_is_due_first_and_equals_in_the_order_of_the_plan() -> None:
    scheduler = make(Task("a"), Task("b", rank=1), Task("c", rank=2), Task("d", rank=1))
    due = [task.name for task in iter(scheduler.next_due, None)]
    assert due == ["c", "b", "d", "a"]


def test_task_may_be_queued_without_next_due() -> None:
    scheduler = make(Task("a"), Task("b"))
    scheduler.queue("a")
    due = scheduler.next_due()
    assert due
    assert due.name == "b"
    assert scheduler.next_due() is None
    assert starts(scheduler) == ["a"]


# -- slots and locks -----------------------------------------------------------------------------


def test_future_waits_for_a_slot() -> None:
    scheduler = make(Task("f", FUTURE), Task("g", FUTURE), jobs=1)
    assert not scheduler.wants_slot
    assert starts(scheduler) == ["f"]
    assert scheduler.wants_slot
    assert scheduler.futures_running == 1
    scheduler.ended("f", TaskState.DONE)
    assert scheduler.futures_running == 0
    assert starts(scheduler) == ["g"]
    assert not scheduler.wants_slot


def test_future_on_another_host_takes_no_slot_and_does_not_wait_behind_one_that_does() -> None:
    elsewhere = Task("there", FUTURE, takes_slot=False)
    slots = CountedSlots(1)
    scheduler = Scheduler(slots)
    scheduler.add(Task("f", FUTURE, rank=3), Task("g", FUTURE, rank=2), elsewhere)
    assert starts(scheduler) == ["there", "f"]
    assert (scheduler.futures_running, slots.free) == (1, 0)
    scheduler.ended("there", TaskState.DONE)
    assert (scheduler.futures_running, slots.free) == (1, 0)


def test_future_on_another_host_runs_beside_a_serial_run() -> None:
    scheduler = Scheduler(CountedSlots(0), serial=True)
    scheduler.add(Task("there", FUTURE, takes_slot=False), Task("a"), Task("f", FUTURE))
    assert starts(scheduler) == ["there", "a"]


def test_step_takes_no_slot_and_gives_none() -> None:
    slots = CountedSlots(1)
    scheduler = Scheduler(slots)
    scheduler.add(Task("a"), Task("b"))
    starts(scheduler)
    scheduler.ended("a", TaskState.DONE)
    scheduler.ended("b", TaskState.SKIPPED)
    assert slots.free == 1


def test_future_that_waits_for_a_lock_takes_no_slot() -> None:
    scheduler = make(
        Task("f", FUTURE, lock="apt", rank=3),
        Task("g", FUTURE, lock="apt", rank=2),
        Task("h", FUTURE, rank=1),
        jobs=2,
    )
    assert starts(scheduler) == ["f", "h"]
    assert not scheduler.wants_slot, "g lacks the lock"
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["g"]


def test_locks_are_passed_on_by_rank() -> None:
    ranks = {"f": 3, "g": 1, "h": 2}
    scheduler = make(*(Task(name, FUTURE, (), "apt", rank) for name, rank in ranks.items()))
    order = []
    while started := starts(scheduler):
        order += started
        assert len(started) == 1
        scheduler.ended(started[0], TaskState.DONE)
    assert order == ["f", "h", "g"]


def test_late_future_of_greater_rank_gets_the_lock_first() -> None:
    scheduler = make(Task("f", FUTURE, lock="apt"), Task("g", FUTURE, lock="apt"), Task("a"))
    assert starts(scheduler) == ["f", "a"]
    scheduler.add(Task("late", FUTURE, lock="apt", rank=9))
    assert starts(scheduler) == []
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["late"]
    scheduler.ended("late", TaskState.DONE)
    assert starts(scheduler) == ["g"]


def test_cancelled_future_leaves_the_lock_to_the_next() -> None:
    scheduler = make(
        Task("f", FUTURE, lock="apt", rank=3, counts=False),
        Task("g", FUTURE, lock="apt", rank=2, counts=False),
        Task("h", FUTURE, lock="apt", rank=1),
        jobs=1,
    )
    assert starts(scheduler) == ["f"]
    scheduler.ended("f", TaskState.DONE)
    scheduler.ended("g", TaskState.NOT_RUN)
    assert starts(scheduler) == ["h"]


def test_cancelling_while_others_run_keeps_their_lock() -> None:
    scheduler = make(
        *(Task(name, FUTURE, lock="apt", counts=False) for name in "fgh"), keep_going=True
    )
    assert starts(scheduler) == ["f"]
    scheduler.ended("g", TaskState.NOT_RUN)
    assert starts(scheduler) == [], "f still has the lock"
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == ["h"]


# -- failures ------------------------------------------------------------------------------------


def test_failure_stops_what_has_not_started() -> None:
    scheduler = make(Task("a"), Task("b"), Task("f", FUTURE), Task("g", FUTURE), jobs=1)
    assert starts(scheduler) == ["f", "a"]
    scheduler.ended("a", TaskState.FAILED)
    assert scheduler.is_stopped
    assert scheduler.of(TaskState.NOT_RUN) == ["b", "g"]
    assert scheduler.of(TaskState.RUNNING) == ["f"]
    scheduler.ended("f", TaskState.STOPPED)
    assert scheduler.count(*PENDING, TaskState.RUNNING) == 0


@pytest.mark.parametrize("how", sorted(BAD, key=str))
def test_failure_of_an_unawaited_future_stops_nothing(how: TaskState) -> None:
    scheduler = make(Task("f", FUTURE, counts=False), Task("g", FUTURE, ("f",)))
    if how is not TaskState.NOT_RUN:
        assert starts(scheduler) == ["f"]
    scheduler.ended("f", how)
    assert starts(scheduler) == ["g"]


def test_failure_stops_only_what_needs_it_if_the_run_keeps_going() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a",)), Task("c"), keep_going=True)
    assert starts(scheduler) == ["a"]
    scheduler.ended("a", TaskState.FAILED)
    assert starts(scheduler) == ["c"]
    assert scheduler.of(TaskState.NOT_RUN) == ["b"]
    assert not scheduler.is_stopped


def test_what_needs_a_future_that_is_given_up_and_does_not_count_goes_on() -> None:
    scheduler = make(
        Task("a"),
        Task("f", FUTURE, ("a",), counts=False),
        Task("b", needs=("f",)),
        keep_going=True,
    )
    starts(scheduler)
    scheduler.ended("a", TaskState.FAILED)
    assert scheduler.state("f") is TaskState.NOT_RUN
    assert starts(scheduler) == ["b"]


def test_task_that_two_failures_prevent_is_given_up_once() -> None:
    scheduler = make(
        Task("a"),
        Task("b", needs=("a",)),
        Task("c", needs=("a",)),
        Task("d", needs=("b", "c")),
        keep_going=True,
    )
    starts(scheduler)
    scheduler.ended("a", TaskState.FAILED)
    assert scheduler.of(TaskState.NOT_RUN) == ["b", "c", "d"]


def test_what_is_added_after_a_stop_or_a_failed_need_is_not_run() -> None:
    scheduler = make(Task("a"), keep_going=True)
    starts(scheduler)
    scheduler.ended("a", TaskState.FAILED)
    scheduler.add(Task("c", needs=("b",)), Task("b", needs=("a",)), Task("d"))
    states = [scheduler.state(name) for name in "bcd"]
    assert states == [TaskState.NOT_RUN, TaskState.NOT_RUN, TaskState.DUE]
    scheduler.stop()
    scheduler.add(Task("e"))
    assert scheduler.state("e") is TaskState.NOT_RUN
    assert starts(scheduler) == []


def test_long_chain_is_given_up_without_recursion() -> None:
    chain = [Task(f"s{number}", needs=(f"s{number - 1}",)) for number in range(1, 5000)]
    scheduler = make(Task("s0"), *chain, keep_going=True)
    starts(scheduler)
    scheduler.ended("s0", TaskState.FAILED)
    assert scheduler.state("s4999") is TaskState.NOT_RUN


def test_failure_during_a_step_does_not_stop_the_futures_that_the_step_starts() -> None:
    scheduler = make(Task("f", FUTURE), Task("g", FUTURE), Task("a"), jobs=1)
    assert starts(scheduler) == ["f", "a"]
    early = Task("early", FUTURE, counts=False, is_nested=True)
    scheduler.add(early)
    scheduler.ended("f", TaskState.FAILED)
    late = Task("late", FUTURE, counts=False, is_nested=True)
    scheduler.add(late)
    assert scheduler.of(TaskState.NOT_RUN) == ["g"]
    assert starts(scheduler) == ["early"]
    scheduler.ended("early", TaskState.DONE)
    scheduler.stop()
    assert scheduler.state("late") is TaskState.NOT_RUN
    assert starts(scheduler) == []


def test_future_of_a_step_is_not_run_if_it_needs_one_that_a_failure_has_stopped() -> None:
    scheduler = make(Task("f", FUTURE), Task("g", FUTURE, ("f",)), Task("a"))
    assert starts(scheduler) == ["f", "a"]
    scheduler.add(Task("nested", FUTURE, ("g",), counts=False, is_nested=True))
    scheduler.add(Task("behind", FUTURE, ("nested",), counts=False, is_nested=True))
    scheduler.ended("f", TaskState.FAILED)
    assert scheduler.of(TaskState.NOT_RUN) == ["g", "nested"]
    assert starts(scheduler) == ["behind"], "the one before it does not count"


def test_planned_task_that_is_added_after_a_failure_is_not_run() -> None:
    scheduler = make(Task("a"))
    starts(scheduler)
    scheduler.ended("a", TaskState.FAILED)
    scheduler.add(Task("b"), Task("f", FUTURE, counts=False, is_nested=True))
    assert scheduler.state("b") is TaskState.NOT_RUN
    assert starts(scheduler) == ["f"]


def test_nothing_starts_after_the_stop_of_the_driver() -> None:
    scheduler = make(Task("a"))
    starts(scheduler)
    scheduler.stop()
    scheduler.add(Task("f", FUTURE, counts=False, is_nested=True))
    assert scheduler.state("f") is TaskState.NOT_RUN


def test_lock_goes_past_those_that_a_failure_has_stopped() -> None:
    scheduler = make(
        Task("f", FUTURE, lock="apt"), Task("g", FUTURE, lock="apt"), Task("a"), jobs=1
    )
    assert starts(scheduler) == ["f", "a"]
    scheduler.add(Task("nested", FUTURE, (), "apt", counts=False, is_nested=True))
    assert starts(scheduler) == []
    scheduler.ended("f", TaskState.FAILED)
    assert scheduler.state("g") is TaskState.NOT_RUN
    assert starts(scheduler) == ["nested"]


# -- checks --------------------------------------------------------------------------------------


def test_after_a_bad_check_only_checks_start() -> None:
    scheduler = make(
        Task("c1", is_check=True),
        Task("c2", is_check=True),
        Task("f", FUTURE),
        Task("g", FUTURE),
        Task("a"),
        jobs=1,
    )
    assert starts(scheduler) == ["f", "c1"]
    scheduler.ended("c1", TaskState.FAILED)
    scheduler.ended("f", TaskState.DONE)
    assert not scheduler.is_stopped
    assert starts(scheduler) == ["c2"], "a slot is free, but g does not start"
    assert not scheduler.is_stopped
    scheduler.ended("c2", TaskState.DONE)
    assert scheduler.is_stopped
    assert scheduler.of(TaskState.NOT_RUN) == ["g", "a"]


def test_bad_check_stops_the_run_at_once_if_no_other_is_ready() -> None:
    scheduler = make(
        Task("c1", is_check=True), Task("f", FUTURE), Task("c2", needs=("f",), is_check=True)
    )
    starts(scheduler)
    scheduler.ended("c1", TaskState.FAILED)
    assert scheduler.is_stopped


def test_bad_check_stops_only_what_needs_it_if_the_run_keeps_going() -> None:
    scheduler = make(Task("c", is_check=True), Task("a", needs=("c",)), Task("b"), keep_going=True)
    assert starts(scheduler) == ["c"]
    scheduler.ended("c", TaskState.FAILED)
    assert starts(scheduler) == ["b"]
    assert scheduler.of(TaskState.NOT_RUN) == ["a"]


def test_check_that_is_up_to_date_lets_a_bad_one_stop_the_run() -> None:
    scheduler = make(Task("c1", is_check=True), Task("c2", is_check=True), Task("a"))
    scheduler.queue("c1")
    assert scheduler.next_step() is scheduler.task("c1")
    scheduler.ended("c1", TaskState.FAILED)
    assert not scheduler.is_stopped, "c2 is due"
    scheduler.ended("c2", TaskState.SKIPPED)
    assert scheduler.is_stopped


def test_after_a_bad_check_a_serial_future_does_not_start_either() -> None:
    scheduler = make(
        Task("c1", is_check=True), Task("f", FUTURE), Task("c2", is_check=True), serial=True
    )
    assert starts(scheduler) == ["c1"]
    scheduler.ended("c1", TaskState.FAILED)
    assert starts(scheduler) == ["c2"]


def test_after_a_bad_check_a_nested_future_starts() -> None:
    scheduler = make(Task("c1", is_check=True), Task("c2", is_check=True))
    assert starts(scheduler) == ["c1"]
    scheduler.ended("c1", TaskState.FAILED)
    assert starts(scheduler) == ["c2"]
    scheduler.add(Task("f", FUTURE, counts=False, is_nested=True))
    assert starts(scheduler) == ["f"], "c2 may wait for it"


# -- what becomes known late ---------------------------------------------------------------------


def test_due_task_may_wait_for_more() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a",)))
    due = scheduler.next_due()
    assert due
    scheduler.add(Task("setup"))
    scheduler.wait_for("a", "setup")
    assert starts(scheduler) == ["setup"]
    scheduler.ended("setup", TaskState.DONE)
    assert starts(scheduler) == ["a"]
    scheduler.ended("a", TaskState.DONE)
    assert starts(scheduler) == ["b"]


def test_due_task_that_waits_for_what_has_ended_is_due_again() -> None:
    scheduler = make(Task("setup"), Task("lost"), keep_going=True)
    starts(scheduler)
    scheduler.ended("setup", TaskState.DONE)
    starts(scheduler)
    scheduler.ended("lost", TaskState.FAILED)
    scheduler.add(Task("a"), Task("b"))
    scheduler.wait_for("b", "lost")
    scheduler.wait_for("a", "setup")
    assert starts(scheduler) == ["a"]
    assert scheduler.state("b") is TaskState.NOT_RUN


def test_last_check_that_has_to_wait_after_a_bad_one_stops_the_run() -> None:
    scheduler = make(Task("c1", is_check=True), Task("c2", is_check=True), Task("a"))
    scheduler.queue("c1")
    scheduler.next_step()
    scheduler.ended("c1", TaskState.FAILED)
    assert not scheduler.is_stopped
    scheduler.wait_for("c2", "a")
    assert scheduler.is_stopped, "a does not start any more"
    assert scheduler.of(TaskState.NOT_RUN) == ["c2", "a"]


def test_only_a_due_task_waits_for_more() -> None:
    scheduler = make(Task("a"), Task("b"))
    starts(scheduler)
    for name in "ab":
        with pytest.raises(AssertionError, match=name):
            scheduler.wait_for(name, "c")


# -- serial --------------------------------------------------------------------------------------


def test_nested_future_of_a_serial_run_has_its_turn_inside_of_its_step() -> None:
    scheduler = make(Task("step"), Task("next", needs=("step",)), serial=True)
    assert starts(scheduler) == ["step"]
    scheduler.add(Task("f", FUTURE, counts=False, is_nested=True))
    assert starts(scheduler) == ["f"]
    scheduler.ended("f", TaskState.DONE)
    assert starts(scheduler) == [], "the step is not done"


# -- the life of a task --------------------------------------------------------------------------


def test_counts_follow_the_states() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a",)))
    assert scheduler.count(TaskState.DUE) == scheduler.count(TaskState.WAITING) == 1
    starts(scheduler)
    assert scheduler.count(TaskState.RUNNING) == 1
    assert scheduler.count(*PENDING) == 1
    scheduler.ended("a", TaskState.DONE)
    starts(scheduler)
    scheduler.ended("b", TaskState.DONE)
    assert scheduler.count(*GOOD) == 2
    assert scheduler.count(*PENDING, TaskState.RUNNING) == 0


def test_task_is_added_once() -> None:
    with pytest.raises(AssertionError, match="a is added twice"):
        make(Task("a"), Task("a"))


def test_task_ends_once() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a",)))
    for how in (TaskState.DONE, TaskState.NOT_RUN):
        with pytest.raises(AssertionError, match=r"b: TaskState\.WAITING"):
            scheduler.ended("b", how)
    starts(scheduler)
    scheduler.ended("a", TaskState.DONE)
    with pytest.raises(AssertionError, match="a"):
        scheduler.ended("a", TaskState.DONE)


@pytest.mark.parametrize(
    "how", [TaskState.SKIPPED, TaskState.NOT_RUN, TaskState.QUEUED, TaskState.WAITING]
)
def test_running_task_does_not_end_as_if_it_had_never_run(how: TaskState) -> None:
    scheduler = make(Task("a"))
    starts(scheduler)
    with pytest.raises(AssertionError, match=r"a: TaskState\.RUNNING to"):
        scheduler.ended("a", how)


def test_only_a_due_task_is_queued() -> None:
    scheduler = make(Task("a"), Task("b", needs=("a",)))
    with pytest.raises(AssertionError, match="b"):
        scheduler.queue("b")
    scheduler.queue("a")
    with pytest.raises(AssertionError, match="a"):
        scheduler.queue("a")


# -- many ----------------------------------------------------------------------------------------


def run_all(number: int) -> None:
    """Run so many futures, some with locks, and as many steps; wait for all at the end."""
    futures = [Task(f"f{n}", FUTURE, (), f"lock{n % 5}" if n % 3 else "") for n in range(number)]
    steps = [Task(f"s{n}", needs=(f"s{n - 1}",)) for n in range(number)]
    wait = Task("w", WAIT, (f"s{number - 1}", *(task.name for task in futures)))
    scheduler = make(*futures, *steps, wait, jobs=4)
    running = starts(scheduler)
    while running:
        scheduler.ended(running.pop(), TaskState.DONE)
        scheduler.waits_at()
        running += starts(scheduler)
    assert scheduler.count(TaskState.DONE) == 2 * number + 1


def stop_all(number: int) -> None:
    """Stop so many futures that run."""
    scheduler = make(*(Task(f"f{n}", FUTURE) for n in range(number)))
    for name in starts(scheduler):
        scheduler.ended(name, TaskState.STOPPED)
    assert scheduler.count(TaskState.STOPPED) == number


@pytest.mark.parametrize("work", [run_all, stop_all])
def test_twice_as_many_tasks_are_twice_as_much_work(work: Callable[[int], None]) -> None:
    assert lines_of(work, 120) < 2.2 * lines_of(work, 60)


def lines_of(work: Callable[[int], None], number: int) -> int:
    """Return how many lines of the scheduler are run for so many tasks."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace if frame.f_code.co_filename.endswith("scheduling/scheduler.py") else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(number)
    finally:
        sys.settrace(before)
    assert lines > number, "the scheduler is traced"
    return lines
