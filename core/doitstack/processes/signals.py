"""Signals as exceptions: an interrupted run, and the end of a forked child."""

import _signal  # without the conversions of `signal`, which take longer than the calls
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

RETRY_SECONDS, _LATER_SECONDS = 0.001, 0.01
"""The delay after which a signal is repeated whose exception was lost."""


class Interrupted(KeyboardInterrupt):
    """A signal asks the run to stop. `code` is the exit code that a shell reports for it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


@contextmanager
def on_interrupt(act: Callable[[Interrupted], None]) -> Iterator[None]:
    """Call `act` on Ctrl-C, Ctrl-\\, SIGTERM and SIGHUP.

    All but SIGTERM stay ignored if the caller ignores them, as `nohup` and background jobs do.
    """

    def handle(number: int, _frame: FrameType | None) -> None:
        act(Interrupted(number))

    numbers = [signal.SIGTERM]
    others = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)
    numbers += [one for one in others if not _is_ignored(one)]
    previous = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


class Terminated(SystemExit):
    """The exception of SIGTERM in a child: it exits with 128 + the signal's number."""


def raise_on_signals() -> None:
    """From now on, raise KeyboardInterrupt on SIGINT, unless ignored, and Terminated on SIGTERM.

    Python discards exceptions that a handler raises inside a destructor (`sys.unraisablehook`), so
    a signal that comes at such a moment would end nothing. It is repeated a moment later.
    """
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
    _signal.signal(_signal.SIGTERM, _terminate)
    sys.unraisablehook = _raise_again


def raise_no_more() -> None:
    """Let these signals do nothing: what is left to do ends the process."""
    for number in (_signal.SIGINT, _signal.SIGTERM, _signal.SIGALRM):
        # Python would report one that came just before as lost if it were ignored.
        _signal.signal(number, _do_nothing)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(128 + number)


def _raise_again(discarded: "sys.UnraisableHookArgs") -> None:
    error = discarded.exc_value
    if not isinstance(error, Terminated | KeyboardInterrupt):
        sys.__unraisablehook__(discarded)
        return

    def raise_it(_number: int, frame: FrameType | None) -> None:
        if _is_in_hook(frame):  # it would be discarded, too
            signal.setitimer(signal.ITIMER_REAL, _LATER_SECONDS)
        else:
            raise error

    signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, RETRY_SECONDS)


def _is_in_hook(frame: FrameType | None) -> bool:
    while frame:
        if frame.f_code is _raise_again.__code__:
            return True
        frame = frame.f_back
    return False
