"""Call plugin actions; turn exceptions and False into StepError."""

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from doitstack.errors import DoitstackError, StepError, describe_error, shortage
from doitstack.steps import Step, recorded_steps

_PYTHONS = f"{Path(traceback.__file__).parent}/"
"""The directory of Python's own files."""

OURS = f"{Path(__file__).parents[1]}/"
"""The directory of our own files, which tracebacks for authors of plugins leave out."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of an action.

    Raises StepError for False, which is a failure in doit, and for steps and actions
    `shell(...)` that it has made, since nothing would run them.
    """
    with recorded_steps() as made:
        answer = function(*arguments)
    if made:
        one, is_step = made[0], isinstance(made[0].what, Step)
        raise StepError(
            f"{one.place}: {one.verb} makes {'a step' if is_step else 'an action'}, which only a "
            f"hook can yield; an action calls stack.{one.call}()"
        )
    if answer is False:
        raise StepError("the action returned False")
    return answer


def call_in_step(function: Callable[..., Any], *arguments: Any) -> None:
    """Call the action of a main-line step. Raises DoitstackError for whatever it raises."""
    try:
        with _exits_refused():
            call(function, *arguments)
    except (DoitstackError, KeyboardInterrupt):
        raise
    except SystemExit as request:
        raise StepError(f"the action called sys.exit({request.code!r})") from request
    except BaseException as error:
        # The author of the plugin needs the place; the disk may be full.
        with suppress(OSError):
            sys.stderr.write(traceback_of(error))
        raise StepError(describe_error(error)) from error


@contextmanager
def _exits_refused() -> Iterator[None]:
    """Let `os._exit` raise StepError in this process, whose end would end the run without a word.

    In processes that the action forks, it ends them as ever.
    """
    end, own = os._exit, os.getpid()

    def refuse(status: int) -> NoReturn:
        if os.getpid() != own:
            end(status)
        raise StepError(f"the action called os._exit({status!r})")

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = end


def traceback_of(error: BaseException) -> str:
    """Return the traceback from the first line that is not ours.

    If the machine lacks something, no line of code is to blame, and what it lacks is enough. If our
    code refuses an argument, the last line is the plugin's.
    """
    if shortage(error):
        return f"{describe_error(error)}\n"
    frames, last = error.__traceback__, ""
    while frames and (last := frames.tb_frame.f_code.co_filename).startswith(OURS):
        frames = frames.tb_next
    if last != __file__:
        # A bug of ours. (If `call` is the last line, the arguments do not fit the action.)
        frames = frames or error.__traceback__
    limit = _frames_of_others(frames) if isinstance(error, (TypeError, ValueError)) else None
    return "".join(traceback.format_exception(type(error), error, frames, limit=limit or None))


def _frames_of_others(frames: TracebackType | None) -> int:
    """Return the number of frames up to the last one that is not ours."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(frames)]
    return max((n for n, file in enumerate(files, start=1) if not file.startswith(OURS)), default=0)


def uptodate_error(error: Exception) -> str:
    """Return the message about an `uptodate` of a plugin that raises; raise any other error."""
    if not (place := place_of(error)):
        raise error
    return f"its uptodate raised {describe_error(error)}{place}"


def place_of(error: BaseException) -> str:
    """Return where a plugin raised `error`: ` (file.py, line 3)`, or "" if no plugin did."""
    place = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        is_pythons = file.startswith(_PYTHONS) and "-packages/" not in file
        if not is_pythons and not file.startswith((OURS, "<")):
            place = f" ({file}, line {line})"
    # The message of a SyntaxError names the place itself.
    return "" if isinstance(error, SyntaxError) else place
