"""The steps that a hook yields: run, async_run, async_wait. Nothing runs here."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import field, replace
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from doitstack.records import Record

FUTURE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""Names of futures are also file names; any other name is refused before a file is touched."""

AWAITED_NAME = re.compile(rf"{FUTURE_NAME.pattern}(?:@{FUTURE_NAME.pattern})?")
"""Names that can be waited for: also NAME@HOST, a future of the run on another host."""

_DOIT = ("uptodate", "file_dep", "targets", "clean")
"""The attributes of doit's tasks that a step may have; doitstack sets the others."""

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")

_LISTS = ("uptodate", "file_dep", "targets")


class Kind(Enum):
    """The three kinds of step."""

    RUN = "run"
    ASYNC_RUN = "async_run"
    ASYNC_WAIT = "async_wait"


class Shell(Record):
    """A function or command of the bash session."""

    command: str


class DoitOnHost(Record):
    """A command of doit on another host of the stack."""

    host: str
    command: str


class EndOnHost(Record):
    """The end of `future`, which runs on another host."""

    future: str
    host: str


Action = Callable[..., Any] | Sequence[str | Path] | Shell
"""A callable (called with the stack), a program and its arguments, or `shell("...")`."""


class Step(Record):
    """One piece of a plugin's work in a phase.

    Args:
        action: the callable, program or command; None for an `async_wait`.
        args: the arguments of a callable after the stack.
        waits: the futures that an `async_wait` collects, or that must succeed before a future.
        doit: doit's task attributes `uptodate`, `file_dep`, `targets` and `clean`.
        lock: of the futures with the same lock, one runs at a time.
        only_looks: whether it is a check, which changes nothing and fails if something is missing.
        timeout: how long it may run (s; 0: no limit; None: the setting STEP_TIMEOUT).
        note: what the plan says about it, such as a choice that depends on this machine.
        place: `FILE:LINE` of the call that made it, if a hook of users made it.
    """

    kind: Kind
    name: str
    action: Action | DoitOnHost | EndOnHost | None = None
    args: tuple[Any, ...] = ()
    waits: tuple[str, ...] = ()
    doit: dict[str, Any] = field(default_factory=dict)
    lock: str = ""
    only_looks: bool = False
    timeout: float | None = None
    note: str = ""
    place: str = ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether its work is done on another host, so that it needs no slot here."""
        return isinstance(self.action, (DoitOnHost, EndOnHost))

    @property
    def command(self) -> str:
        """The action as one line for users: `configure_tempest`, `make -j2`."""
        words = [_action_text(self.action), *(str(arg) for arg in self.args)]
        return one_line(" ".join(word for word in words if word))


class Made(NamedTuple):
    """A step or an action `shell(...)`, and `FILE:LINE` of the call that made it."""

    what: Step | Shell
    place: str

    @property
    def call(self) -> str:
        """The function that was called: `async_run`."""
        return "shell" if isinstance(self.what, Shell) else self.what.kind.value

    @property
    def verb(self) -> str:
        """The call, for messages: `async_run(a)`."""
        if isinstance(self.what, Shell):
            return f"shell({_step_name(self.what)})"
        name = "" if self.what.kind is Kind.ASYNC_WAIT else f"{self.what.name}"
        return f"{self.call}({name or ', '.join(self.what.waits)})"


_Recorded = TypeVar("_Recorded", Step, Shell)
_all_made: ContextVar[list[Made] | None] = ContextVar("all_made", default=None)


@contextmanager
def recorded_steps() -> Iterator[list[Made]]:
    """Yield a list of the steps, and the actions `shell(...)`, that are made in the block."""
    made: list[Made] = []
    token = _all_made.set(made)
    try:
        yield made
    finally:
        _all_made.reset(token)


def _made(what: _Recorded) -> _Recorded:
    """Record what the plugin that called our caller has made."""
    if (made := _all_made.get()) is not None:
        caller = sys._getframe(2)
        made.append(Made(what, f"{caller.f_code.co_filename}:{caller.f_lineno}"))
        is_in_tree = caller.f_globals["__name__"].startswith("doitstack_plugins.")
        if isinstance(what, Step) and not is_in_tree:
            vars(what)["place"] = made[-1].place  # `replace` takes as long as all else
    return what


def one_line(text: str) -> str:
    r"""Return `text` with its control characters escaped, so that it stays on one line."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _action_text(action: Action | DoitOnHost | EndOnHost | None) -> str:
    if action is None:
        return ""
    if isinstance(action, Shell):
        return action.command
    if isinstance(action, DoitOnHost):
        return f"doit {action.command} on {action.host}"
    if isinstance(action, EndOnHost):
        return f"{action.future} on {action.host}"
    if callable(action):
        return callable_name(action)
    return shlex.join(str(word) for word in action)


def callable_name(function: Callable[..., Any]) -> str:
    """Return the name of a callable as in its source, even of a partial or a method."""
    inner = getattr(function, "func", function)
    return str(getattr(inner, "__name__", type(inner).__name__))


def _step_name(action: Action) -> str:
    if isinstance(action, Shell):
        return action.command.split(maxsplit=1)[0]
    if callable(action):
        return callable_name(action)
    return Path(action[0]).name if len(action) else "run"


def _checked(action: Action, args: Sequence[Any]) -> Action:
    if args and not callable(action):
        words = ", ".join(map(repr, args))
        raise TypeError(f"only a callable takes arguments; put {words} into the action itself")
    if isinstance(action, Shell) or callable(action):
        return action
    if isinstance(action, (str, bytes)) or not isinstance(action, Sequence) or not action:
        raise TypeError(
            f"an action is a callable, a list of a program and its arguments, or shell(...): "
            f"got {action!r}"
        )
    refuse_words(action)
    return action


def refuse_words(argv: Sequence[str | Path]) -> None:
    """Raise TypeError for text without bytes, and for `NAME=value` as the program."""
    for text in filter(lambda one: isinstance(one, str), argv):
        with suppress(UnicodeEncodeError):
            os.fsencode(text)
            continue
        raise TypeError(f"{text!r} has a character that no argument can have")
    word = argv[0]
    if isinstance(word, str) and _ASSIGNMENT.match(word):
        name = word.partition("=")[0]
        raise TypeError(
            f"{name}=... is no program; to set a variable for one: ['env', '{name}=...', ...]"
        )


def shell(command: str) -> Shell:
    """Return the action that runs a function or command in the bash session."""
    return _made(Shell(shell_command(command)))


def shell_command(command: str) -> str:
    """Return `command` if it is one, else raise TypeError."""
    if not isinstance(command, str) or not command.strip():
        raise TypeError(f"shell takes a command as text: got {command!r}")
    return command


def run(
    action: Action,
    *args: Any,
    name: str | None = None,
    only_looks: bool = False,
    timeout: float | None = None,
    **doit: Any,
) -> Step:
    """Run `action` on the main line, after the step before it.

    Args:
        action: a callable, which is called with the stack and `args`; a program and its arguments
            in a list; or `shell("...")`.
        args: the arguments of a callable after the stack.
        name: the name of the step, by default that of the action.
        only_looks: whether it is a check. If a check fails, the checks that follow it still run
            before the run stops, so that everything that is missing is reported together.
        timeout: the time (s) after which it is stopped with all processes that it has started, and
            has failed.
        doit: doit's `uptodate`, `file_dep` and `targets`: a later run skips the step if it is up
            to date.
    """
    checked, own = _checked(action, args), _doit_attributes(doit)
    named = _step_name(checked) if name is None else step_name(name)
    limit = time_limit(timeout)
    return _made(
        Step(Kind.RUN, named, checked, args, doit=own, only_looks=only_looks, timeout=limit)
    )


def async_run(
    name: str,
    action: Action,
    *args: Any,
    wait: Sequence[str] = (),
    lock: str = "",
    timeout: float | None = None,
    note: str = "",
    **doit: Any,
) -> Step:
    """Start `action` in the background as the future `name`, after the futures in `wait` succeeded.

    The same as DevStack's `async_run NAME func args`.

    Args:
        action, args, doit: as for `run`.
        wait: the futures that must succeed before it starts.
        lock: of the futures with the same lock, for example `apt`, one runs at a time.
        timeout: the run time (s) after which it is stopped with all processes that it has started,
            and has failed.
        note: what `doit plan` says about it, such as a choice that depends on this machine.
    """
    own, waits = _doit_attributes(doit), _names(wait)
    named, checked, locked = future_name(name), _checked(action, args), lock_name(lock)
    limit = time_limit(timeout)
    step = Step(Kind.ASYNC_RUN, named, checked, args, waits, own, locked, timeout=limit)
    return _made(replace(step, note=one_line(note)))


def async_wait(*names: str) -> Step:
    """Wait for futures in the order given, and insert their logs in the main line.

    The same as DevStack's `async_wait NAME...`.
    """
    if not names:
        raise TypeError("async_wait needs the name of a future")
    waits = _names(names)
    return _made(Step(Kind.ASYNC_WAIT, "-".join(("async_wait", *waits)), waits=waits))


def _doit_attributes(attributes: dict[str, Any]) -> dict[str, Any]:
    for name, value in attributes.items():
        if name not in _DOIT:
            raise TypeError(f"a step has no attribute {name!r}; it may have {', '.join(_DOIT)}")
        if name in _LISTS and not isinstance(value, (list, tuple)):
            raise TypeError(f"{name} takes a list: [{value!r}]")
    return attributes


def _names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str):
        raise TypeError(f"wait takes a list of names: [{names!r}]")
    return tuple(awaited_name(name) for name in names)


def awaited_name(name: str) -> str:
    """Return `name` if it can be the name of a future here or on another host.

    Raises ValueError.
    """
    if isinstance(name, str) and AWAITED_NAME.fullmatch(name):
        return name
    return future_name(name)


def time_limit(seconds: float | None) -> float | None:
    """Return `seconds` if it can limit a run time: a number, 0 or more, or None."""
    if seconds is None or (
        isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds >= 0
    ):
        return seconds
    raise TypeError(f"timeout takes a number of seconds, 0 or more: got {seconds!r}")


def step_name(name: str) -> str:
    """Return `name` if it is a valid name for a step, else raise ValueError."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ValueError(f"bad name for a step: {name!r}; use text of one line")
    return name


def lock_name(name: str) -> str:
    """Return `name` if it is a valid name for a lock, or empty; else raise ValueError."""
    if name == "" or (isinstance(name, str) and FUTURE_NAME.fullmatch(name)):
        return name
    raise ValueError(f"bad name for a lock: {name!r}; it follows the rules for names of futures")


def future_name(name: str) -> str:
    """Return `name` if it is a valid name for a future, else raise ValueError."""
    if not isinstance(name, str) or not FUTURE_NAME.fullmatch(name):
        raise ValueError(
            f"bad name for a future: {name!r}; use letters, digits, '.', '_' and '-', "
            f"and start with a letter or digit"
        )
    return name
