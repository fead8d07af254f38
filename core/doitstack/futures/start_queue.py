"""Futures that have not started yet, and what they wait for: a slot, and perhaps a lock.

Knows nothing of processes: when a future's turn comes it calls what was given to start it.
"""

from bisect import insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from doitstack.futures.future import Future
from doitstack.futures.slots import Slots
from doitstack.processes.event_loop import Loop


@dataclass(frozen=True, eq=False)
class _Entry:
    future: Future
    start: Callable[[], None]


class Queue:
    """The futures of a run that wait for their turn, longest remaining path first.

    Of those with the same lock only one has its turn at a time; one that waits for a lock takes
    no slot.
    """

    def __init__(self, slots: Slots, loop: Loop) -> None:
        self._slots = slots
        self._loop = loop
        self._entries: list[_Entry] = []
        self._locks: dict[str, Future] = {}
        self._with_slot: set[Future] = set()
        self._is_watching = False

    def __iter__(self) -> Iterator[Future]:
        return iter([entry.future for entry in self._entries])

    @property
    def has_running(self) -> bool:
        """Whether the turn of any future has come and is not over."""
        return bool(self._with_slot)

    def add(self, future: Future, start: Callable[[], None]) -> None:
        """Have `start` called when it is the turn of `future`."""
        insort(self._entries, _Entry(future, start), key=lambda entry: -entry.future.remaining)

    def remove(self, future: Future) -> bool:
        """Take back a future that has not had its turn; return whether it was there."""
        for entry in self._entries:
            if entry.future is future:
                self._entries.remove(entry)
                return True
        return False

    def start(self) -> None:
        """Call those whose turn it is."""
        while entry := self._next():
            # Between fork and record, nobody could stop it.
            with self._loop.shielded():
                entry.start()
        self._slots.share()

    def release(self, future: Future) -> None:
        """Take the slot and the lock of a future that has ended."""
        if future in self._with_slot:
            self._with_slot.remove(future)
            self._slots.give()
        if self._locks.get(future.lock) is future:
            del self._locks[future.lock]

    def _next(self) -> _Entry | None:
        for entry in self._entries:
            if entry.future.lock in self._locks:
                continue
            if self._slots.take():
                self._entries.remove(entry)
                self._hand_over(entry.future)
                return entry
            self._watch(is_wanted=True)
            return None
        self._watch(is_wanted=False)
        return None

    def _hand_over(self, future: Future) -> None:
        future.has_turn = True
        self._with_slot.add(future)
        if future.lock:
            self._locks[future.lock] = future

    def _watch(self, *, is_wanted: bool) -> None:
        """Hear of slots that a build gives back, if anybody here waits for one."""
        if is_wanted and not self._is_watching:
            self._loop.watch(self._slots.descriptor, self.start)
        elif self._is_watching and not is_wanted:
            self._loop.forget(self._slots.descriptor)
        self._is_watching = is_wanted
