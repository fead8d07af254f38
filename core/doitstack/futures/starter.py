"""Starts futures in the order of the scheduler, by calling the function given with each."""

from collections.abc import Callable
from typing import Protocol

from doitstack.futures.future import Future
from doitstack.scheduling.scheduler import BAD, GOOD, Scheduler, Task, TaskKind, TaskState


class Slots(Protocol):
    """What the starter needs of the slots."""

    descriptor: int
    """A descriptor that is readable once a build has given a slot back."""

    def share(self) -> None:
        """Let builds use the slots that futures have given back."""


class Loop(Protocol):
    """What the starter needs of the event loop."""

    def watch(self, descriptor: int, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `descriptor` is readable."""

    def forget(self, descriptor: int) -> None:
        """Stop watching `descriptor`."""


class Starter:
    """The futures that are declared and have not started.

    Args:
        on_wait: is called with each future that must wait for a slot or a lock.

    Attributes:
        on_due: is called with each task of the plan whose needs are done; queues or ends it.
    """

    def __init__(
        self, scheduler: Scheduler, slots: Slots, loop: Loop, on_wait: Callable[[Future], None]
    ) -> None:
        self.on_due: Callable[[Task], None] = lambda task: scheduler.queue(task.name)
        self._on_wait = on_wait
        self._scheduler = scheduler
        self._slots = slots
        self._loop = loop
        self._starts: dict[str, Callable[[], None]] = {}
        self._new: list[Future] = []
        self._number = 0
        self._is_pumping = False
        self._is_watching = False

    def add(self, future: Future, start: Callable[[], None]) -> None:
        """Let `pump` call `start` once the scheduler lets `future` start."""
        if not future.is_planned:
            self._number += 1
            future.task = f"{future.name}#{self._number}"
            self._scheduler.add(_nested(future))
        if self._scheduler.state(future.task) is TaskState.RUNNING:
            # In a serial run, the main line has reached it.
            start()
            return
        self._scheduler.queue(future.task)
        self._starts[future.task] = start
        self._new.append(future)

    def ended(self, future: Future) -> None:
        """Forget a future, and report its end to the scheduler if a step has started it."""
        self._starts.pop(future.task, None)
        if future.is_planned or not future.task or self.is_over(future):
            return
        how = TaskState.DONE if future.rc == 0 else TaskState.FAILED
        self._scheduler.ended(future.task, TaskState.STOPPED if future.cancelled() else how)

    def is_over(self, future: Future) -> bool:
        """Return whether `future` has ended or will not run, for the scheduler."""
        return bool(future.task) and self._scheduler.state(future.task) in GOOD | BAD

    def pump(self) -> None:
        """Start everything that may start.

        A call from inside this does nothing: the outer call sees all changes before it returns.
        """
        if self._is_pumping:
            return
        self._is_pumping = True
        try:
            self._start_all()
        finally:
            self._is_pumping = False
        self._slots.share()
        self._watch(is_wanted=self._scheduler.wants_slot)
        new, self._new = self._new, []
        for future in new:
            if future.task in self._starts:
                self._on_wait(future)

    def _start_all(self) -> None:
        while True:
            while due := self._scheduler.next_due():
                self.on_due(due)
            task = self._scheduler.next_future()
            if task is None:
                return
            self._starts.pop(task.name)()

    def _watch(self, *, is_wanted: bool) -> None:
        """Pump again once a build gives a slot back, if a future waits for one."""
        if is_wanted and not self._is_watching:
            self._loop.watch(self._slots.descriptor, self.pump)
        elif self._is_watching and not is_wanted:
            self._loop.forget(self._slots.descriptor)
        self._is_watching = is_wanted


def _nested(future: Future) -> Task:
    return Task(
        future.task,
        TaskKind.FUTURE,
        lock=future.lock,
        rank=future.rank,
        takes_slot=future.takes_slot,
        counts=False,
        is_nested=True,
    )
