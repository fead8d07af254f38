"""Run `doit -f DIR/dodo.py` and `doit -k` in the stack directory itself.

doit reads its configuration, which names our commands, in the directory where it was started.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from doit.exceptions import InvalidDodoFile

_CONFIGURATIONS = ("pyproject.toml", "doit.cfg")
_COMMANDS = "doitstack.commands"
_STARTED_IN = "DOITSTACK_STARTED_IN"
"""The environment variable with the directory where doit was started."""

_VALUED = ("-n", "-v", "-o", "-r", "-P", "--process", "--console", "--db-file", "--backend")
"""Options whose value may be the next word, other than those that locate `dodo.py`."""


def restart_if_elsewhere() -> None:
    """Start doit again in the current stack directory, if it was started in another directory.

    Raises InvalidDodoFile if the current directory does not configure our commands.
    """
    doit = sys.modules.get("doit.loader")
    if doit is None or not _is_doit(Path(sys.argv[0])):
        return
    if started_in := os.environ.pop(_STARTED_IN, ""):
        doit.initial_workdir = started_in  # type: ignore[attr-defined]
    if _COMMANDS in sys.modules:
        return
    here, before = Path.cwd(), Path(doit.initial_workdir)
    if not is_configured(here):
        raise InvalidDodoFile(
            f"{here} has no configuration of doitstack's commands; write it: "
            f"python -m doitstack init {here}"
        )
    if here != before:
        restart(before)


def _is_doit(program: Path) -> bool:
    return program.name == "doit" or program.parts[-2:] == ("doit", "__main__.py")


def is_configured(directory: Path) -> bool:
    """Return whether doit finds our commands if it is started in `directory`."""
    files = (directory / name for name in _CONFIGURATIONS)
    return any(_COMMANDS in file.read_text(errors="replace") for file in files if file.is_file())


def restart(started_in: Path) -> None:
    """Replace this process by doit in the current directory; it was started in another one."""
    sys.stdout.flush()
    environ = {**os.environ, _STARTED_IN: str(started_in)}
    for name in ("DOIT_FILE", "DOIT_SEEK_FILE"):
        environ.pop(name, None)
    program = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    where = located(sys.argv[1:])
    name = Path(where.file).name
    words = where.words if name == "dodo.py" else ["-f", name, *where.words]
    os.execve(sys.executable, [sys.executable, *program, *words], environ)  # noqa: S606


class Located(NamedTuple):
    """A command line: where `dodo.py` is, whether directories above are searched, and the rest."""

    file: str
    seeks: bool
    words: list[str]


def located(words: Sequence[str]) -> Located:
    """Return the words of a command line without the options that locate `dodo.py`.

    They come before the second name; after it, `-f` may have another meaning.
    """
    left, kept = list(words), []
    file, seeks, names = "dodo.py", False, 0
    while left and names < 2:
        word = left.pop(0)
        name, _, value = word.partition("=")
        if word in ("-k", "--seek-file"):
            seeks = True
        elif word in ("-f", "--file"):
            file = left.pop(0) if left else file
        elif name == "--file" or (word.startswith("-f") and not word.startswith("--")):
            file = value or word[2:]
        else:
            kept.append(word)
            kept += _value_of(word, left)
            names += not word.startswith("-")
    return Located(file, seeks, kept + left)


def _value_of(option: str, left: list[str]) -> list[str]:
    """Return and remove the next word if it is the value of an option."""
    return [left.pop(0)] if option in _VALUED and left else []
