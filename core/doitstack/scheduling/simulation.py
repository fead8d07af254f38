"""A run in virtual time, by the scheduler that the real one has. Knows no files."""

import heapq
from collections.abc import Callable, Iterable, Mapping

from doitstack.records import Record
from doitstack.scheduling.scheduler import Scheduler
from doitstack.scheduling.task import Task, TaskState

_WITHOUT_START = {TaskState.SKIPPED, TaskState.NOT_RUN}


class CountedSlots:
    """So many slots; 0 are as many as wanted."""

    def __init__(self, jobs: int = 0) -> None:
        self.free: float = jobs or float("inf")

    def take(self) -> bool:
        """Take a slot if one is free; return whether one was."""
        if not self.free:
            return False
        self.free -= 1
        return True

    def give(self) -> None:
        """Give a slot back."""
        self.free += 1


class Span(Record):
    """When a task ran, and how it ended; times in s since the start."""

    start: float
    end: float
    how: TaskState


class Simulation:
    """Runs tasks in virtual time.

    Args:
        scheduler: decides what starts; the first tasks have been added to it.
        seconds: how long each task runs; one that is not in it takes no time.
        ends: how each task ends; one that is not in it is done. What is up to date, or not run by
            the driver's choice, ends when it is due, without a start.
        starts: what each task adds when it starts.
        late_needs: what a task turns out to need once it is due.

    `started` has the time (s) of each start so far, in their order, and `spans` what has ended.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        seconds: Mapping[str, float],
        *,
        ends: Mapping[str, TaskState] | None = None,
        starts: Mapping[str, tuple[Task, ...]] | None = None,
        late_needs: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.scheduler = scheduler
        self.now = 0.0
        self.started: dict[str, float] = {}
        self.spans: dict[str, Span] = {}
        self._seconds, self._ends, self._starts = seconds, ends or {}, starts or {}
        self._late_needs = dict(late_needs or {})
        self._running: list[tuple[float, int, str]] = []

    def run(
        self, *, interrupt_at: float = float("inf"), observe: Callable[[], None] = lambda: None
    ) -> float:
        """Return how long it takes (s). `observe` is called whenever all that can start has."""
        while True:
            while self._start_next():
                pass
            observe()
            if not self._running:
                return self.now
            self.now = self._running[0][0]
            if self.now > interrupt_at:
                self._interrupt(interrupt_at)
                return self.now
            while self._running and self._running[0][0] == self.now:
                name = heapq.heappop(self._running)[2]
                self._end(name, self._ends.get(name, TaskState.DONE))

    def _start_next(self) -> bool:
        """Start one task; return whether one could start."""
        self._queue_due()
        task = self.scheduler.next_future() or self.scheduler.next_step()
        if not task:
            return False
        end = self.now + self._seconds.get(task.name, 0.0)
        heapq.heappush(self._running, (end, len(self.started), task.name))
        self.started[task.name] = self.now
        self.scheduler.add(*self._starts.get(task.name, ()))
        return True

    def _queue_due(self) -> None:
        while task := self.scheduler.next_due():
            how = self._ends.get(task.name, TaskState.DONE)
            if needs := self._late_needs.pop(task.name, ()):
                self.scheduler.wait_for(task.name, *needs)
            elif how in _WITHOUT_START:
                self._end(task.name, how)
            else:
                self.scheduler.queue(task.name)

    def _end(self, name: str, how: TaskState) -> None:
        self.spans[name] = Span(self.started.get(name, self.now), self.now, how)
        self.scheduler.ended(name, how)

    def _interrupt(self, time: float) -> None:
        self.now = time
        self.scheduler.stop()
        for _, _, name in self._running:
            self._end(name, TaskState.STOPPED)
        self._running.clear()


def makespan(tasks: Iterable[Task], seconds: Mapping[str, float], *, jobs: int = 0) -> float:
    """Return how long (s) the tasks take if all goes well; `jobs` 0 are as many as can run."""
    scheduler = Scheduler(CountedSlots(jobs))
    scheduler.add(*tasks)
    return Simulation(scheduler, seconds).run()
