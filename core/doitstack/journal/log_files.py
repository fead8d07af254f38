"""The logs of a stack by name: of the main line, the futures, the services and the scripts.

The main line's log has the output of several runs. A run that finds it large begins a new one; the
old one, which is named after that run, stays as long as a journal of an earlier run.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from doitstack.errors import StepError
from doitstack.journal.journal_file import run_journals

MAIN_LINE = "stack"
"""The name of the main line's log."""

LARGE = 1 << 24
"""Bytes of the main line's log after which the next run begins a new one."""


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


def rotate_main_log(log_dir: Path, run: str) -> None:
    """Let `run`, whose journal is there, begin a new log if the present one is large.

    Old ones of which all runs' journals have been removed are removed, too.
    """
    path = log_dir / "stack.log"
    with suppress(OSError):
        if path.stat().st_size > LARGE:
            path.rename(f"{path}.{run}")
        first = run_journals(log_dir)[0].stem
        for old in _old_main_logs(log_dir):
            if old.name <= f"stack.log.{first}":
                old.unlink()


def main_log_of(log_dir: Path, run: str) -> Path:
    """Return the main line's log that has the output of `run`."""
    later = (path for path in _old_main_logs(log_dir) if path.name > f"stack.log.{run}")
    return next(later, log_dir / "stack.log")


def _old_main_logs(log_dir: Path) -> list[Path]:
    return sorted(log_dir.glob("stack.log.????????T??????.*"))


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
    from difflib import get_close_matches  # noqa: PLC0415 - for this message

    ends = {log.name.rpartition(":")[2]: log.name for log in known}
    near = [ends[match] for match in get_close_matches(name, ends, cutoff=0.7)]
    near += [match for match in get_close_matches(name, names) if match not in near]
    if near:
        return f"did you mean {' or '.join(near)}? `doit log` lists all"
    return f"there are: {', '.join(names)}"
