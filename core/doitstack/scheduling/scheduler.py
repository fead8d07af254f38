"""Decides what may start: by needs, slots, locks, priorities. Has no doit, files, processes, clock.

Two drivers use it: the run, and the simulation. A driver adds tasks; takes from `next_due` those
that have everything they need, and either ends them at once (up to date) or queues them; takes from
`next_future` and `next_step` what starts now; and reports each end. Every task ends exactly once.
Any method may be called at any time, also while a step runs or from the callback of a future.

Nothing here takes longer with the number of tasks, except `stop` and `of`: what is due or queued
lies in heaps, from which an entry is dropped when it is at the top and its state is another.
"""

from collections import Counter
from collections.abc import Callable, Iterable, KeysView
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from typing import Protocol

from doitstack.scheduling.task import BAD, GOOD, NEXT, PENDING, READY, Task, TaskKind, TaskState

__all__ = ["BAD", "GOOD", "PENDING", "Scheduler", "Slots", "Task", "TaskKind", "TaskState"]


class Slots(Protocol):
    """How many futures may run at once."""

    def take(self) -> bool:
        """Take a slot if one is free; return whether one was."""

    def give(self) -> None:
        """Give a slot back."""


@dataclass(eq=False, slots=True)
class _Entry:
    """A task and its state. `missing` are the needs that are not met, in the task's order."""

    task: Task
    number: int
    is_on_main_line: bool
    state: TaskState = TaskState.WAITING
    missing: dict[str, None] = field(default_factory=dict)
    needed_by: list["_Entry"] = field(default_factory=list)

    @property
    def is_met(self) -> bool:
        """Whether tasks that need it may run."""
        return self.state in GOOD or (self.state in BAD and not self.task.counts)

    @property
    def is_lost(self) -> bool:
        """Whether tasks that need it can never run."""
        return self.state in BAD and self.task.counts


_Heap = list[tuple[float, int, _Entry]]
"""Entries with the least pair of numbers first; no two have the same second one."""


def _first(heap: _Heap, is_there: Callable[[_Entry], bool]) -> _Entry | None:
    """Return the first entry of a heap that still is there, and drop those before it."""
    while heap and not is_there(heap[0][2]):
        heappop(heap)
    return heap[0][2] if heap else None


def _is_due(entry: _Entry) -> bool:
    return entry.state is TaskState.DUE


class Scheduler:
    """The tasks of one run. In a `serial` one all are on the main line, in the order of `add`.

    If `keep_going`, a failure stops only what needs the failed task. `wants_slot` is whether the
    last call of `next_future` found one that lacked nothing but a slot. Once a failure has stopped
    the run (`is_stopped`), only nested futures start.
    """

    def __init__(self, slots: Slots, *, serial: bool = False, keep_going: bool = False) -> None:
        self.keep_going = keep_going
        self.is_stopped = False
        self._is_over = False
        self.wants_slot = False
        self.futures_running = 0
        self._slots, self._serial = slots, serial
        self._entries: dict[str, _Entry] = {}
        self._states: Counter[TaskState] = Counter()
        self._due: _Heap = []
        self._steps: _Heap = []
        self._futures: _Heap = []
        self._behind_locks: dict[str, _Heap] = {}
        self._locks: dict[str, _Entry] = {}
        self._reached_waits: _Heap = []
        self._main_line: _Entry | None = None
        self._queued = 0
        self._ready_checks = 0
        self._has_bad_check = False

    # -- reports of the driver -------------------------------------------------------------------

    def add(self, *tasks: Task) -> None:
        """Add tasks, which may need one another. After a stop they are not run."""
        for entry in [self._enter(task) for task in tasks]:
            self._await_needs(entry, entry.task.needs)

    def wait_for(self, name: str, *needs: str) -> None:
        """Add needs to a task from `next_due`, which were not known before."""
        entry = self._entries[name]
        self._set(entry, TaskState.WAITING)
        self._await_needs(entry, needs)
        self._stop_after_checks()

    def queue(self, name: str) -> None:
        """Let a task that is due start once there is a slot, or the main line is free."""
        entry = self._entries[name]
        self._set(entry, TaskState.QUEUED)
        self._queued += 1
        if entry.is_on_main_line:
            heappush(self._steps, (entry.number, entry.number, entry))
        else:
            # A future that needs no slot must not wait behind one that does.
            rank = entry.task.rank if entry.task.takes_slot else inf
            heappush(self._futures, (-rank, self._queued, entry))

    def ended(self, name: str, how: TaskState) -> None:
        """Record how a task has ended that was started, or that is due or queued."""
        entry = self._entries[name]
        assert entry.state in READY, f"{name}: {entry.state}"
        self._release(entry)
        self._end(entry, how)
        if entry.is_lost and not self.keep_going:
            self._has_bad_check |= entry.task.is_check
            if not entry.task.is_check:
                self.stop_plan()
        self._stop_after_checks()

    def stop_plan(self) -> None:
        """Start no more tasks of the plan. Running tasks may still start nested futures."""
        if not self.is_stopped:
            self.is_stopped = True
            self._give_up(lambda entry: not entry.task.is_nested)

    def stop(self) -> None:
        """Start no more tasks. The driver stops the running tasks and reports their ends."""
        self._is_over = self.is_stopped = True
        self._give_up(lambda _: True)

    # -- queries of the driver -------------------------------------------------------------------

    def next_due(self) -> Task | None:
        """Return the most urgent task whose needs are met, for `queue` or `ended`."""
        entry = _first(self._due, _is_due)
        if entry:
            heappop(self._due)
        return entry.task if entry else None

    def next_future(self) -> Task | None:
        """Return the future that starts now, or None if there is no room; it runs from now on."""
        entry = self._startable_future()
        takes_slot = entry is not None and entry.task.takes_slot
        self.wants_slot = takes_slot and not self._slots.take()
        if not entry or self.wants_slot:
            return None
        if entry.task.lock:
            self._locks[entry.task.lock] = entry
        self._set(entry, TaskState.RUNNING)
        self.futures_running += takes_slot
        return entry.task

    def next_step(self) -> Task | None:
        """Return what the main line runs now, if it is free; in a serial run also a future."""
        entry = None if self._main_line else _first(self._steps, self._is_startable_step)
        if not entry:
            return None
        self._set(entry, TaskState.RUNNING)
        self._main_line = entry
        return entry.task

    def waits_at(self) -> tuple[Task, KeysView[str]] | None:
        """Return the first wait that lacks only futures, with those; known after a stop, too."""
        entry = _first(self._reached_waits, self._is_reached)
        return (entry.task, entry.missing.keys()) if entry else None

    def task(self, name: str) -> Task:
        """Return the task of that name."""
        return self._entries[name].task

    def state(self, name: str) -> TaskState:
        """Return the state of a task."""
        return self._entries[name].state

    def of(self, *states: TaskState) -> list[str]:
        """Return the names of the tasks in these states, in the order of `add`."""
        return [name for name, entry in self._entries.items() if entry.state in states]

    def count(self, *states: TaskState) -> int:
        """Return how many tasks are in these states."""
        return sum(self._states[state] for state in states)

    # -- the rules -------------------------------------------------------------------------------

    def _await_needs(self, entry: _Entry, names: Iterable[str]) -> None:
        needs = [self._entries[need] for need in names if need in self._entries]
        for need in needs:
            if not need.is_met and need.task.name not in entry.missing:
                entry.missing[need.task.name] = None
                need.needed_by.append(entry)
        if not self._may_start(entry) or any(need.is_lost for need in needs):
            self._end(entry, TaskState.NOT_RUN)
        elif not entry.missing:
            self._make_due(entry)
        else:
            self._notice_reached(entry)

    def _may_start(self, entry: _Entry) -> bool:
        return not (self._is_over or (self.is_stopped and not entry.task.is_nested))

    def _stop_after_checks(self) -> None:
        if self._has_bad_check and not self._ready_checks:
            self.stop_plan()

    def _give_up(self, is_meant: Callable[[_Entry], bool]) -> None:
        for entry in self._entries.values():
            if entry.state in PENDING and is_meant(entry):
                self._end(entry, TaskState.NOT_RUN)

    def _enter(self, task: Task) -> _Entry:
        assert task.name not in self._entries, f"{task.name} is added twice"
        is_elsewhere = task.is_nested or not task.takes_slot
        is_beside = task.kind is TaskKind.FUTURE and (is_elsewhere or not self._serial)
        entry = _Entry(task, len(self._entries), is_on_main_line=not is_beside)
        self._entries[task.name] = entry
        self._states[entry.state] += 1
        return entry

    def _set(self, entry: _Entry, state: TaskState) -> None:
        """Change a task's state: the only place where one changes."""
        assert state in NEXT.get(entry.state, ()), f"{entry.task.name}: {entry.state} to {state}"
        if entry.task.is_check:
            self._ready_checks += (state in READY) - (entry.state in READY)
        self._states[entry.state] -= 1
        self._states[state] += 1
        entry.state = state

    def _make_due(self, entry: _Entry) -> None:
        self._set(entry, TaskState.DUE)
        heappush(self._due, (-entry.task.rank, entry.number, entry))

    def _end(self, entry: _Entry, how: TaskState) -> None:
        """End a task; tasks that need it become due or, after a failure, are not run."""
        self._set(entry, how)
        ended = [entry]
        while ended:
            need = ended.pop()
            for other in need.needed_by:
                if other.state is not TaskState.WAITING:
                    continue
                if need.is_met:
                    self._meet(other, need)
                else:
                    self._set(other, TaskState.NOT_RUN)
                    ended.append(other)

    def _meet(self, entry: _Entry, need: _Entry) -> None:
        del entry.missing[need.task.name]
        if not entry.missing:
            self._make_due(entry)
        elif need.task.kind is not TaskKind.FUTURE:
            self._notice_reached(entry)

    def _notice_reached(self, entry: _Entry) -> None:
        """Record a wait once all its needs but futures are met."""
        if entry.task.kind is TaskKind.WAIT and all(map(self._is_future, entry.missing)):
            heappush(self._reached_waits, (entry.number, entry.number, entry))

    def _is_reached(self, entry: _Entry) -> bool:
        return bool(entry.missing) and (entry.state is TaskState.WAITING or self.is_stopped)

    def _is_future(self, name: str) -> bool:
        return self._entries[name].task.kind is TaskKind.FUTURE

    def _is_startable_step(self, entry: _Entry) -> bool:
        # What is dropped after a bad check never starts: the stop follows.
        is_wanted = entry.task.is_check or not self._has_bad_check
        return entry.state is TaskState.QUEUED and is_wanted

    def _is_startable_future(self, entry: _Entry) -> bool:
        is_wanted = entry.task.is_nested or not self._has_bad_check
        return entry.state is TaskState.QUEUED and is_wanted

    def _startable_future(self) -> _Entry | None:
        """Return the first queued future whose lock is free, and put those before it aside."""
        while self._futures:
            entry = self._futures[0][2]
            if not self._is_startable_future(entry):
                heappop(self._futures)
                self._bring_back(entry.task.lock)
            elif entry.task.lock not in self._locks:
                return entry
            else:
                aside = self._behind_locks.setdefault(entry.task.lock, [])
                heappush(aside, heappop(self._futures))
        return None

    def _release(self, entry: _Entry) -> None:
        """Release the main line, or the slot and the lock, that a task holds."""
        if entry is self._main_line:
            self._main_line = None
        elif entry.state is TaskState.RUNNING:
            if entry.task.takes_slot:
                self._slots.give()
                self.futures_running -= 1
            if self._locks.get(entry.task.lock) is entry:
                del self._locks[entry.task.lock]
        self._bring_back(entry.task.lock)

    def _bring_back(self, lock: str) -> None:
        """Let the first future that was put aside for a lock compete again.

        It also follows one that left the queue or was dropped while the lock was free.
        """
        aside = self._behind_locks.get(lock, [])
        if _first(aside, self._is_startable_future):
            heappush(self._futures, heappop(aside))
