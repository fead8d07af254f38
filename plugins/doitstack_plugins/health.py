"""Wait until a service answers: health is a right answer, not a port that listens."""

import time
from collections.abc import Callable

from doitstack import Stack
from doitstack.errors import ServiceError

_POLL_SECONDS = 0.1


def wait_until(
    stack: Stack, service: str, is_answering: Callable[[], bool], where: str = ""
) -> None:
    """Wait until `is_answering`; `where` says what was asked, for the message.

    Raises ServiceError after SERVICE_TIMEOUT seconds, and at once when the service is dead.
    """
    timeout = stack.settings.number("SERVICE_TIMEOUT")
    with stack.timed("wait_for_service"):
        deadline = time.monotonic() + timeout
        while not is_answering():
            stack.services.check(service)
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{service} does not answer{f' at {where}' if where else ''} "
                    f"within {timeout} s (SERVICE_TIMEOUT); see {stack.services.log(service)}"
                )
            time.sleep(_POLL_SECONDS)
