"""Values that are computed in child processes, side by side."""

import os
import pickle
import select
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn, TypeVar

from doitstack.errors import DoitstackError
from doitstack.processes.prctl import die_with_parent

_CHUNK = 1 << 18

_LOOK_SECONDS = 0.2
"""The longest wait: a signal that comes just before it would have no effect until its end."""

Value = TypeVar("Value")
Result = TypeVar("Result")


def computed(function: Callable[[Value], Result], values: Iterable[Value]) -> dict[Value, Result]:
    """Return what `function` returns for each value, each computed in a child of its own.

    As many run at once as there are cores. They end with this process. Raises DoitstackError if
    one ends without a result, and what `function` raises.
    """
    waiting = list(values)
    running: dict[int, _Child] = {}
    results: dict[Value, Result] = {}
    try:
        while waiting or running:
            while waiting and len(running) < len(os.sched_getaffinity(0)):
                child = _start(function, waiting.pop(0))
                running[child.pipe] = child
            for pipe in select.select([*running], [], [], _LOOK_SECONDS)[0]:
                if data := os.read(pipe, _CHUNK):
                    running[pipe].data.extend(data)
                else:
                    child = running.pop(pipe)
                    results[child.value] = _result_of(child)
    finally:
        for child in running.values():
            os.kill(child.pid, signal.SIGKILL)
            _collect(child)
    return results


class _Child(NamedTuple):
    value: Any
    pid: int
    pipe: int
    data: bytearray


def _start(function: Callable[[Value], object], value: Value) -> _Child:
    reader, writer = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _compute(function, value, parent, writer)
    os.close(writer)
    return _Child(value, pid, reader, bytearray())


def _compute(
    function: Callable[[Value], object], value: Value, parent: int, writer: int
) -> NoReturn:
    with suppress(BaseException):
        die_with_parent(parent)
        try:
            result: tuple[object, Exception | None] = (function(value), None)
        except Exception as error:
            result = (None, error)
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
    os._exit(0)


def _collect(child: _Child) -> None:
    os.close(child.pipe)
    os.waitpid(child.pid, 0)


def _result_of(child: _Child) -> Any:
    _collect(child)
    if not child.data:
        raise DoitstackError(f"the process for {child.value} has ended without a result")
    result, error = pickle.loads(bytes(child.data))  # noqa: S301 - it is our own
    if error:
        raise error
    return result
