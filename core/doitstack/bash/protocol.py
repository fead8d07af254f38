"""How the bash session and the main process talk: fields that end in NUL, their number first.

Knows the messages of `session.sh`, but neither pipes nor processes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from doitstack.errors import CommandError, StepError


@dataclass(frozen=True)
class Answer:
    """The answer to a request: the status, stdout and stderr that bash sees."""

    code: int = 0
    out: str = ""
    err: str = ""


class MessageBuffer:
    """Takes the bytes that come from bash, and gives whole messages."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[list[str]]:
        """Add `data`; return the messages that are whole by now, each as its fields."""
        self._rest += data
        messages: list[list[str]] = []
        while True:
            count, separator, rest = self._rest.partition(b"\0")
            fields = rest.split(b"\0", int(count)) if separator else []
            if not separator or len(fields) <= int(count):
                return messages
            self._rest = fields.pop()
            messages.append([field.decode(errors="surrogateescape") for field in fields])


def encode_command(command: str) -> bytes:
    """Return a command as bash reads it. Raises StepError for one with a NUL in it."""
    if "\0" in command:
        raise StepError(f"the shell takes no command with a NUL in it: {command!r}")
    return command.encode(errors="surrogateescape") + b"\0"


def encode_answer(answer: Answer) -> bytes:
    """Return the answer to a request as bash reads it."""
    text = f"{answer.code}\0{answer.out}\0{answer.err}\0"
    return text.encode(errors="surrogateescape")


def decode_variables(data: bytes) -> dict[str, str]:
    """Return the variables that bash has dumped: names and values, each with a NUL after it."""
    fields = data.decode(errors="surrogateescape").split("\0")
    return dict(zip(fields[::2], fields[1::2], strict=False))


def session_error(kind: str, fields: list[str]) -> StepError | None:
    """Return why the session ends, if the message of that kind says so."""
    make = _ENDS.get(kind)
    return make(*fields) if make else None


def _failed(code: str, place: str, command: str, stack: str) -> CommandError:
    """Return what errexit says; without a command, it is the status of a script as a whole."""
    what = f"'{command}'" if command else "its last command, or `return`,"
    message = f"{_at(place)}{what} ended with code {code}{_inside(stack)}"
    return CommandError(message, int(code), command)


def _exited(code: str, place: str, words: str, stack: str) -> StepError:
    """Return what an `exit` says: the words of `die`, or that it should not be there."""
    if words:
        return CommandError(f"{_at(place)}{words}", int(code))
    return StepError(
        f"{_at(place)}exit {code} in a script{_inside(stack)}; "
        f"use `return`, or `die` with a message"
    )


def _ended(code: str, place: str, stack: str) -> CommandError:
    """Return what is known when bash ends by itself; it has given its reason in the log."""
    return CommandError(
        f"{_at(place)}bash has ended with code {code}{_inside(stack)}: what it says above, "
        f"or an `exit` in its POSIX mode",
        int(code),
    )


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _inside(stack: str) -> str:
    return f" (in {stack})" if stack else ""


_ENDS: Mapping[str, Callable[..., StepError]] = {
    "failed": _failed,
    "exited": _exited,
    "ended": _ended,
}
