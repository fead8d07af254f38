"""Plugins that are shell scripts: each of their hooks sources a file. Runs none of them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from pathlib import Path

from doitstack.hookspecs import hookimpl
from doitstack.phases import Phase
from doitstack.steps import Shell, Step, run


class Script(Shell):
    """The action that sources the file `path` in the bash session, with `arguments` as $1 and $2.

    `command` is derived from them, for people to read.
    """

    command: str = field(init=False)
    path: Path
    arguments: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "command", " ".join((self.path.name, *self.arguments)))


class ScriptHooks:
    """The hooks of a plugin that consists of scripts, as pluggy registers them: one a phase."""

    def __init__(self, scripts: Mapping[Phase, Path]) -> None:
        """Make a hook that sources the script of each phase."""
        for phase, path in scripts.items():
            setattr(self, phase.hook, hookimpl(_hook(Script(path, phase.arguments))))


def _hook(script: Script) -> Callable[[], Iterator[Step]]:
    def source_script() -> Iterator[Step]:
        yield run(script, name=script.path.name)

    return source_script
