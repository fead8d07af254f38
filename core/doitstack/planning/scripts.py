"""Plugins that are shell scripts: each of their hooks sources a file. Runs none of them."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from doitstack.hookspecs import hookimpl
from doitstack.phases import Phase
from doitstack.steps import Shell, Step, run, shell
from doitstack.uptodate import Unchanged


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

    def __init__(self, scripts: Mapping[Phase, Path], packages: Sequence[Path] = ()) -> None:
        """Make a hook that sources the script of each phase.

        The packages that the files `packages` list are installed before pre-install.
        """
        for phase, path in scripts.items():
            lists = packages if phase is Phase.PRE_INSTALL else ()
            setattr(self, phase.hook, hookimpl(_hook(Script(path, phase.arguments), lists)))


def package_lists(directory: Path, name: str) -> tuple[Path, ...]:
    """Return the files in `directory`, devstack/, that list packages of the distribution."""
    files = directory / "files"
    lists = (*(files / kind / name for kind in ("debs", "rpms", "rpms-suse")), files / "bindep.txt")
    return tuple(path for path in lists if path.is_file())


def _hook(script: Script, packages: Sequence[Path]) -> Callable[[], Iterator[Step]]:
    def source_script() -> Iterator[Step]:
        if packages:
            command = shlex.join(("_install_listed_packages", *map(str, packages)))
            texts = [path.read_text for path in packages]
            yield run(shell(command), name="install_packages", uptodate=[Unchanged(*texts)])
        yield run(script, name=script.path.name)

    return source_script
