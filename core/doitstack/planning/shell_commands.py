"""Find commands of the bash session that do not exist: in futures of scripts, and in steps.

Reads only the texts of scripts, so it does not find everything that they define.
"""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from doitstack.planning.script_checks import (
    defined_functions,
    first_places,
    library_functions,
    unprovided_functions,
)
from doitstack.suggestions import did_you_mean

_START = r"(?:^|[;&|({]|\b(?:then|do|else)\s)\s*"
_OPTIONS = r"(?:--\S+\s+\S+\s+)*"
_FUTURE = rf"{_START}(?:async_run\s+{_OPTIONS}\S+|async_runfunc)\s+([\w.-]+)(?=[\s;&|)]|$)"
"""The command of a future, if it is written out."""

_SOURCED = rf"{_START}(?:source|\.)\s+([^\s;&|)]+)"


_BUILTINS = (
    ". alias bg bind break builtin caller case cd command compgen complete compopt continue "
    "coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc "
    "fg fi for function getopts hash help history if in jobs kill let local logout mapfile popd "
    "printf pushd pwd read readarray readonly return select set shift shopt source suspend test "
    "then time times trap true type typeset ulimit umask unalias unset until wait while "
)
"""The commands and keywords of bash itself."""


def is_plain_name(word: str) -> bool:
    """Return whether the first word of a command is a name, not a path or an expansion."""
    return re.fullmatch(r"[\w.-]+", word) is not None


class UnknownCommand(NamedTuple):
    """A command that does not exist, as far as can be known. `place` is FILE:LINE or a plugin."""

    place: str
    name: str
    near: str
    is_certain: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.name}: there is no such function or program{self.near}"


class ShellCommands:
    """The commands that the bash session has.

    `texts` are the texts of scripts and of the files that they may source; `path` is PATH.
    """

    def __init__(self, texts: Mapping[Path, str], path: str) -> None:
        self.texts = texts
        self.path = path

    def unknown(self, calls: Iterable[tuple[str, str]]) -> Iterator[UnknownCommand]:
        """Yield those of `calls`, places and names, that do not exist.

        One is certain to be a mistake if its name is nearly that of a function, unless scripts
        read files whose functions are not known.
        """
        for place, name in calls:
            if not self._has(name):
                near = did_you_mean(name, self._functions)
                yield UnknownCommand(place, name, near, bool(near) and self._is_complete)

    def calls_of_futures(self) -> Iterator[tuple[str, str]]:
        """Yield the commands of the futures in scripts, with their places."""
        return first_places(self.texts, _FUTURE)

    def _has(self, name: str) -> bool:
        return (
            name in self._functions
            or shutil.which(name, path=self.path) is not None
            or name in _BUILTINS.split()
            or name in unprovided_functions()
        )

    @cached_property
    def _functions(self) -> set[str]:
        return defined_functions(self.texts) | library_functions()

    @cached_property
    def _is_complete(self) -> bool:
        """Whether all files that scripts source are known."""
        known = {path.name for path in self.texts} | {"functions", "openrc", "stackrc", "/dev/null"}
        return all(
            Path(word.strip("\"'")).name in known for _, word in first_places(self.texts, _SOURCED)
        )
