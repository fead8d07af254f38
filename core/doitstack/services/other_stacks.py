"""Other stacks of the same stack directory: those that were started with another DEST."""

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from doitstack.config.dest_mark import stack_directory_of
from doitstack.processes.left_running import STACK_MARK
from doitstack.processes.tree import all_processes, environ_of, is_of_our_user
from doitstack.records import Record
from doitstack.services.supervisord import DIRECTORY_VARIABLE, NAME_VARIABLE


class OtherStack(Record):
    """A stack in `dest`, with the names of its services and processes that run."""

    dest: Path
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"the stack of this directory in {self.dest}"
        command = f"DEST={shlex.quote(str(self.dest))} doit"
        if self.names:
            return f"{where} still runs ({', '.join(self.names)}); to stop it: {command} unstack"
        return f"{where} is still there; to remove it: {command} clean"


def other_stacks(top_dir: Path, dest: Path) -> list[OtherStack]:
    """Return the stacks of our user, other than that in `dest`, that were made in `top_dir`.

    Those that run are found wherever they are, others only in the default DEST.
    """
    top, own = os.path.realpath(top_dir), os.path.realpath(dest)
    running: dict[str, set[str]] = {f"{top}/.stack": set()}
    for place, name in _running():
        running.setdefault(place, set()).add(name)
    return [
        OtherStack(Path(place), tuple(sorted(names - {""})) or ("supervisord",) * bool(names))
        for place, names in sorted(running.items())
        if place != own and stack_directory_of(Path(place)) == top
    ]


def _running() -> Iterator[tuple[str, str]]:
    """Yield the DEST of each process of our user that belongs to a stack, and its name.

    That of a supervisord is empty.
    """
    for process in all_processes():
        if not is_of_our_user(process.pid):
            continue
        with suppress(OSError):  # it has ended
            environ = environ_of(process.pid, DIRECTORY_VARIABLE, STACK_MARK)
            if supervisor := environ.get(DIRECTORY_VARIABLE):
                yield os.path.dirname(supervisor), environ.get(NAME_VARIABLE, "")  # noqa: PTH120
            elif place := environ.get(STACK_MARK):
                yield place, process.name.decode(errors="replace")
