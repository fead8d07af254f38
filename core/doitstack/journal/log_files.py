"""The logs of a stack by name: of the main line, the futures, the services and the scripts."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from doitstack.errors import StepError

MAIN_LINE = "stack"
"""The name of the main line's log."""


class LogKind(Enum):
    """The owner of a log, in the order in which a name is looked up."""

    MAIN_LINE = "main line"
    FUTURE = "future"
    SERVICE = "service"
    SCRIPT = "script"


class NamedLog(NamedTuple):
    """One log. That of a future may not exist yet."""

    name: str
    of: LogKind
    path: Path


def known_logs(async_dir: Path, log_dir: Path, futures: Iterable[str] = ()) -> Iterator[NamedLog]:
    """Yield the existing logs and those of `futures`, in the order of LogKind."""
    if (log_dir / "stack.log").exists():
        yield NamedLog(MAIN_LINE, LogKind.MAIN_LINE, log_dir / "stack.log")
    written = sorted(path.stem for path in async_dir.glob("*.log"))
    for name in dict.fromkeys([*futures, *written]):
        yield NamedLog(name, LogKind.FUTURE, async_dir / f"{name}.log")
    for path in sorted(log_dir.glob("*.log")):
        if path.name != "stack.log":
            yield NamedLog(path.stem, LogKind.SERVICE, path)
    for path in sorted((log_dir / "xtrace").glob("*.log")):
        yield NamedLog(path.stem, LogKind.SCRIPT, path)


def find_log(name: str, logs: Iterable[NamedLog]) -> NamedLog:
    """Return the log called `name`; a script's task may be shortened from the left.

    `future:NAME` and `service:NAME` distinguish logs of the same name. Raises StepError if the name
    is unknown or fits several scripts.
    """
    known = list(logs)
    for log in known:
        if name in (log.name, f"{log.of.value}:{log.name}"):
            return log
    scripts = [log for log in known if log.of is LogKind.SCRIPT and log.name.endswith(f":{name}")]
    if len(scripts) == 1:
        return scripts[0]
    if scripts:
        names = ", ".join(log.name for log in scripts)
        raise StepError(f"{name} is the end of several names: {names}; name one of them")
    raise StepError(f"there is no log called {name}; {_suggestion(name, known)}")


def _suggestion(name: str, known: list[NamedLog]) -> str:
    names = list(dict.fromkeys(log.name for log in known))
    if not names:
        return "nothing has been run yet: `doit stack`"
    ends = {log.name.rpartition(":")[2]: log.name for log in known}
    near = [ends[match] for match in get_close_matches(name, ends, cutoff=0.7)]
    near += [match for match in get_close_matches(name, names) if match not in near]
    if near:
        return f"did you mean {' or '.join(near)}? `doit log` lists all"
    return f"there are: {', '.join(names)}"
