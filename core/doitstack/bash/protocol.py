"""The messages between the bash session and the main process: a header, and fields with a NUL each.

Encodes and decodes; does not depend on pipes or processes.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from doitstack.errors import CommandError, StepError
from doitstack.planning.script_checks import NOEXEC, library_functions, noexec_line
from doitstack.records import Record
from doitstack.suggestions import did_you_mean


class Answer(Record):
    """The answer to a request: the status, stdout and stderr that bash sees."""

    code: int = 0
    out: str = ""
    err: str = ""


_HEADER = re.compile(rb"doitstack ([1-9][0-9]{0,5})")
_ESCAPE = re.compile(rb"\\(.)")

_SHAPES = {
    "done": "",
    "time": "sn",
    "async_started": "snns",
    "async_ended": "sn",
    "secret": "s",
    "request": "ss",
    "file": "s",
    "failed": "nsss",
    "exited": "nsss",
    "ended": "nss",
}
"""The fields of each kind of message: strings and numbers. A request may have more."""

_NOT_FOUND = "127"
"""The code of bash for a command that does not exist."""

_CANNOT_FORK = 254
"""The code with which bash ends if it cannot start a process; it has tried for 15 seconds."""

_NO_PROCESS = "as it could not start a process; check memory and processes (`ulimit -u`)"


class MessageBuffer:
    """Collects bytes from bash until they are complete messages."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[list[str]]:
        """Add `data`; yield the complete messages, each as its fields.

        Raises StepError, after the messages before them, for bytes that session.sh has not sent.
        """
        self._rest += data
        while b"\0" in self._rest:
            header, _, rest = self._rest.partition(b"\0")
            match = _HEADER.fullmatch(header)
            if not match:
                raise _foreign(header)
            fields = rest.split(b"\0", int(match[1]))
            if len(fields) <= int(match[1]):
                return
            self._rest = fields.pop()
            message = [_decoded(field) for field in fields]
            if not _has_shape(*message):
                raise _foreign(b" ".join(fields))
            yield message


def _decoded(field: bytes) -> str:
    """Return a field with its line ends: they are escaped, since bash writes line by line."""
    plain = _ESCAPE.sub(lambda match: b"\n" if match[1] == b"n" else match[1], field)
    return plain.decode(errors="surrogateescape")


def _has_shape(kind: str, *fields: str) -> bool:
    shape = _SHAPES.get(kind)
    if shape is None or len(fields) < len(shape):
        return False
    is_longer = len(fields) > len(shape) and kind != "request"
    pairs = zip(shape, fields, strict=False)
    return not is_longer and all(
        one == "s" or re.fullmatch("-?[0-9]{1,18}", text) for one, text in pairs
    )


def _foreign(data: bytes) -> StepError:
    text = data[:60].decode(errors="backslashreplace")
    return StepError(
        f"something other than the session wrote to its pipes: {text!r}; a script must not write "
        f"to descriptors from 230 on"
    )


def encode_command(command: str) -> bytes:
    """Return a command as bash reads it.

    Raises StepError if it contains a NUL, or if bash would run no other command after it.
    """
    if noexec_line(command):
        raise StepError(NOEXEC)
    if "\0" in command:
        raise StepError(f"the shell takes no command with a NUL in it: {command!r}")
    return command.encode(errors="surrogateescape") + b"\0"


def encode_answer(answer: Answer) -> bytes:
    """Return the answer to a request as bash reads it."""
    text = f"{answer.code}\0{answer.out}\0{answer.err}\0"
    return text.encode(errors="surrogateescape")


_ARRAY = frozenset("aA")
"""The attributes of arrays."""

_OF_BASH = re.compile(
    r"(_doitstack_|_async_|BASH|EPOCH)"
    r"|(DOITSTACK_FUTURE|DOITSTACK_STACK|SHELLOPTS|FUNCNAME|LINENO|S?RANDOM|SECONDS|_|REPLY"
    r"|PIPESTATUS|SHLVL|IFS|OPTIND|OPTARG)$"
)


def decode_variables(data: bytes) -> dict[str, str]:
    """Return the plain variables that bash has dumped, except its own and those of the session.

    There are three lists of the same length, of items that end in NUL: names, attributes, values.
    Raises StepError for anything else.
    """
    fields = data.decode(errors="surrogateescape").split("\0")[:-1]
    count, rest = divmod(len(fields), 3)
    if rest:
        raise _foreign(data)
    lists = zip(fields[:count], fields[count : 2 * count], fields[2 * count :], strict=True)
    return {
        name: value
        for name, attributes, value in lists
        if not _ARRAY.intersection(attributes) and not _OF_BASH.match(name)
    }


def session_error(kind: str, fields: list[str]) -> StepError | None:
    """Return why the session ends, or None if the message has another meaning."""
    if not (make := _ENDS.get(kind)):
        return None
    error, (_, place, *_) = make(*fields), fields
    error.has_place = bool(place)
    return error


def _failed(code: str, place: str, command: str, stack: str) -> CommandError:
    """Return the error of a failed command; `command` is empty if a script failed as a whole."""
    what = f"'{command}'" if command else "its last command, or `return`,"
    near = _did_you_mean(command) if code == _NOT_FOUND else ""
    message = f"{_at(place)}{what} ended with code {code}{_inside(stack)}{near}"
    return CommandError(message, int(code), command)


def _did_you_mean(command: str) -> str:
    """Return the function of the library that a command that was not found may mean."""
    public = (name for name in library_functions() if not name.startswith("_"))
    return did_you_mean(command.split(maxsplit=1)[0], public) if command else ""


def _exited(code: str, place: str, words: str, stack: str) -> StepError:
    """Return the error of an `exit`: the message of `die`, or advice not to use `exit`."""
    if words:
        return CommandError(f"{_at(place)}{words}", int(code))
    where, instead = ("script", "`return`, or `die`") if place else ("command", "`die`")
    return StepError(
        f"{_at(place)}exit {code} in a {where}{_inside(stack)}; use {instead} with a message"
    )


def _ended(code: str, place: str, stack: str) -> CommandError:
    """Return the error if bash itself ends the session; its message is in the log."""
    why = "see its message above, or remove an `exit` in POSIX mode"
    if int(code) == _CANNOT_FORK:
        why = _NO_PROCESS
    return CommandError(
        f"{_at(place)}bash has ended with code {code}{_inside(stack)}: {why}", int(code)
    )


def ended_without_message(code: int) -> CommandError:
    """Return the error of a session that has ended without a message."""
    why = (
        "without a message: it was killed, or a script used `exec` or "
        "closed a descriptor from 230 on"
    )
    if code == _CANNOT_FORK:
        why = _NO_PROCESS
    return CommandError(f"the bash session has ended with code {code}, {why}", code)


def _at(place: str) -> str:
    return f"{place}: " if place else ""


def _inside(stack: str) -> str:
    return f" (in {stack})" if stack else ""


_ENDS: Mapping[str, Callable[..., StepError]] = {
    "failed": _failed,
    "exited": _exited,
    "ended": _ended,
}
