"""Ctrl-C, SIGTERM and SIGHUP in the main process, as one kind of exception."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """A signal asks us to stop. `code` is the exit code that a shell gives for it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextmanager
def on_interrupt(act: Callable[[Interrupted], None]) -> Iterator[None]:
    """Call `act` on Ctrl-C, SIGTERM and SIGHUP."""

    def handle(number: int, _frame: FrameType | None) -> None:
        act(Interrupted(number))

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
