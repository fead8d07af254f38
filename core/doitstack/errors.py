"""The errors of doitstack. Each is shown to the user as one message."""

import errno
import os
from typing import Any

_SHORTAGES = {
    **dict.fromkeys((errno.EAGAIN, errno.ENOMEM), "memory and processes (`ulimit -u`)"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "open files (`ulimit -n`)"),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "space"),
    **dict.fromkeys((errno.EROFS, errno.EIO), "the disk"),
}
"""What to check if the machine lacks something, by the number of the error."""


def shortage(error: BaseException) -> str:
    """Return what to check if `error` means that the machine lacks something; else nothing."""
    if isinstance(error, ImportError):
        # The loader of libraries has only the words of the error.
        found = (check for number, check in _SHORTAGES.items() if os.strerror(number) in str(error))
        return next(found, "")
    return _SHORTAGES.get(error.errno or 0, "") if isinstance(error, OSError) else ""


class DoitstackError(Exception):
    """Base of all errors. The message is in lower case and names a remedy."""

    def __reduce__(self) -> tuple[Any, ...]:
        # A future's error is unpickled in the main process; its class may have its own constructor.
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[DoitstackError], args: tuple[Any, ...], fields: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


def describe_error(error: BaseException) -> str:
    """Return the type and message of an exception, even if its `__str__` fails."""
    try:
        words = str(error).strip()
    except Exception:
        words = "<exception str() failed>"
    name = type(error).__name__
    return f"{name}: {words}" if words else name


class SettingsError(DoitstackError):
    """The settings are not usable: a broken `local.conf`, an invalid value, a DEST of others."""


class MissingFileError(SettingsError):
    """A setting names a file that does not exist; a step may make it."""


class PluginError(DoitstackError):
    """A plugin could not be found, loaded or called. The message names its origin."""

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(f"plugin {plugin}: {message}")
        self.plugin = plugin


class PlanError(DoitstackError):
    """The steps of all plugins do not form a plan. The message lists every mistake."""


class BusyError(DoitstackError):
    """Another run has locked the stack directory."""


class StepError(DoitstackError):
    """A step failed."""

    has_place = False
    """Whether the message begins with the place in a script: `FILE:LINE`."""


class NotWhileLooking(StepError):  # noqa: N818 - it says nothing about what is checked
    """A check cannot be made before anything runs: it does more than to look."""


TIMED_OUT = 124
"""The exit code of what has timed out, as of timeout(1)."""


class StepTimeoutError(StepError):
    """A step, or a future in its place, has run longer than its `timeout`, or STEP_TIMEOUT."""

    def __init__(self, seconds: float, future: str = "") -> None:
        what = f"future {future}: " if future else ""
        super().__init__(f"{what}timed out after {seconds:g} s")


class CommandError(StepError):
    """A program ended with a code other than 0.

    `code` is its exit code, or minus the number of the signal that ended it; `command` is the
    command of a script.
    """

    def __init__(self, message: str, code: int, command: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.command = command


class ServiceError(StepError):
    """A service does not start, does not answer or has died."""


class FutureError(StepError):
    """A future failed or was refused.

    `code` is what `async_wait` returns for it: its exit code, 128 plus the number of the signal
    that ended it, or 1 if a Python action raised.
    """

    def __init__(self, name: str, message: str, code: int = 1) -> None:
        super().__init__(f"future {name}: {message}")
        self.name = name
        self.code = code
