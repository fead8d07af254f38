"""The rules of the scheduler, by hand: random plans reach some of them too seldom."""

from doitstack.scheduling.scheduler import Kind, Scheduler, State, Task
from doitstack.scheduling.simulation import CountedSlots

FUTURE, WAIT = Kind.FUTURE, Kind.WAIT


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
    scheduler.ended("a", State.DONE)
    assert starts(scheduler) == []
    scheduler.ended("b", State.DONE)
    assert starts(scheduler) == ["c"]


def test_need_that_nobody_has_added_counts_as_met() -> None:
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
    scheduler.ended("a", State.DONE)
    assert starts(scheduler) == ["f"]
    at = scheduler.waits_at()
    assert at
    assert (at[0].name, [*at[1]]) == ("w", ["g", "f"])
    scheduler.ended("f", State.DONE)
    assert starts(scheduler) == ["g"]
    scheduler.ended("g", State.FAILED)
    at = scheduler.waits_at()
    assert at
    assert (at[0].name, [*at[1]]) == ("w", ["g"]), "known after the stop, too"
    assert scheduler.state("z") is State.NOT_RUN
