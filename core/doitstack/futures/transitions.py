"""The changes of a future's state: which are allowed, and the event of each."""

from collections.abc import Callable
from typing import Any

from doitstack.futures.future import ENDED_STATES, Future, FutureState, in_one_line
from doitstack.journal.events import (
    Collected,
    FutureCancelled,
    FutureEnd,
    FutureEvent,
    FutureQueued,
    FutureStart,
)
from doitstack.journal.journal_file import Journal

_NEXT = {
    # A future in the bash session itself needs no slot.
    FutureState.DECLARED: {FutureState.QUEUED, FutureState.STARTING, FutureState.RUNNING},
    FutureState.QUEUED: {FutureState.STARTING},
    FutureState.STARTING: {FutureState.RUNNING},
    FutureState.RUNNING: set[FutureState](),
    FutureState.ENDED: {FutureState.COLLECTED},
    FutureState.CANCELLED: {FutureState.COLLECTED},
    FutureState.COLLECTED: set[FutureState](),
}
"""The states to which a state may change, besides an end, which is possible at any time."""

_ENDS = (FutureState.ENDED, FutureState.CANCELLED)


def change(journal: Journal, future: Future, state: FutureState, **facts: Any) -> None:
    """Change the state of a future and the attributes in `facts`, and write the event.

    No other code changes the state of a future.
    """
    was = future.state
    is_end = state in _ENDS and was not in ENDED_STATES
    assert is_end or state in _NEXT[was], f"{future.name}: {was} to {state}"
    for name, value in facts.items():
        setattr(future, name, value)
    future.state = state
    if make := _EVENTS.get(state):
        journal.write(make(future))


_EVENTS: dict[FutureState, Callable[[Future], FutureEvent]] = {
    FutureState.QUEUED: lambda one: FutureQueued(one.name, one.command, one.lock),
    FutureState.RUNNING: lambda one: FutureStart(one.name, one.pid, one.command, one.lock),
    FutureState.ENDED: lambda one: FutureEnd(
        one.name,
        one.rc or 0,
        start_time=one.start_time,
        end_time=one.end_time,
        cpu=one.cpu,
        error=in_one_line(one.error) if one.error else None,
    ),
    FutureState.CANCELLED: lambda one: FutureCancelled(one.name),
    FutureState.COLLECTED: lambda one: Collected(one.name, one.code, one.waited, one.log_place),
}
