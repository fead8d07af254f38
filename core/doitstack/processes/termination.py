"""SIGINT and SIGTERM in a forked child: an exception that cannot get lost.

Python drops whatever a handler raises inside a destructor (`sys.unraisablehook`), so a signal that
comes at such a moment would end nothing. Here it comes once more, a moment later.
"""

import signal
import sys
from types import FrameType
from typing import NoReturn

AGAIN = 0.001
"""How long (s) after a lost exception the signal comes again."""


class Terminated(SystemExit):
    """The exception of SIGTERM: the child ends with 128 + the signal's number."""


def raise_on_signals() -> None:
    """Let SIGINT raise KeyboardInterrupt and SIGTERM Terminated, for good."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _raise_again


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(128 + number)


def _raise_again(dropped: "sys.UnraisableHookArgs") -> None:
    error = dropped.exc_value
    if not isinstance(error, Terminated | KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return

    def raise_it(_number: int, _frame: FrameType | None) -> NoReturn:
        raise error

    signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, AGAIN)
