"""Calls what a plugin wrote, and makes failures of what it raises or returns. Knows no run."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from doitstack.errors import DoitstackError, StepError, said

OURS = f"{Path(__file__).parents[1]}/"
"""How the names of our own files begin, which are of no use to the author of a plugin."""


def call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what an action of the plan returns. Raises StepError for False, as doit has it."""
    answer = function(*arguments)
    if answer is False:
        raise StepError("the action returned False")
    return answer


def call_in_step(function: Callable[..., Any], *arguments: Any) -> None:
    """Call the action of a step of the main line. Raises DoitstackError, whatever that raises."""
    try:
        call(function, *arguments)
    except (DoitstackError, KeyboardInterrupt):
        raise
    except SystemExit as request:
        raise StepError(f"the action called sys.exit({request.code!r})") from request
    except BaseException as error:
        # The author of the plugin wants to see where, if the disk has room for it.
        with suppress(OSError):
            sys.stderr.write(traceback_of(error))
        raise StepError(said(error)) from error


def traceback_of(error: BaseException) -> str:
    """Return the traceback as the author knows it: from the first line that is not ours."""
    frames, last = error.__traceback__, ""
    while frames and (last := frames.tb_frame.f_code.co_filename).startswith(OURS):
        frames = frames.tb_next
    if last != __file__:
        # A mistake of ours. (Where `call` is the last line, the arguments do not fit the action.)
        frames = frames or error.__traceback__
    return "".join(traceback.format_exception(type(error), error, frames))
