"""doit's commands outside of stack directories, with a better message if there is no `dodo.py`.

The message names a stack directory. An entry point names these classes, since a directory without
a configuration cannot; the configuration of a directory has precedence.
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.cmd_clean import Clean as DoitClean
from doit.cmd_list import List as DoitList
from doit.cmd_run import Run as DoitRun
from doit.doit_cmd import DoitConfig
from doit.exceptions import InvalidDodoFile
from doit.plugin import PluginEntry

from doitstack.planning.restart import Located, is_configured, located, restart

_CLASSES = {"Run": DoitRun, "List": DoitList, "Clean": DoitClean}

_FILES = ("pyproject.toml", "doit.cfg")


class _OutsideCommand(DoitCmdBase):  # type: ignore[misc]
    """A command of doit with a better message if there is no `dodo.py`."""

    def parse_execute(self, in_args: list[str]) -> Any:
        """Run doit's command, or restart in the stack directory that `-f` or `-k` names."""
        try:
            here = Path.cwd()
        except FileNotFoundError:
            raise InvalidDodoFile("the current directory does not exist any more") from None
        there = _directory(located(sys.argv[1:]))
        if there != here and is_configured(there):
            os.chdir(there)
            restart(here)
        return super().parse_execute(in_args)

    def execute(self, params: Any, args: list[str]) -> Any:
        """Run doit's command."""
        try:
            return super().execute(params, args)
        except InvalidDodoFile as error:
            if params["dodoFile"] != "dodo.py" or Path("dodo.py").exists():
                raise
            raise InvalidDodoFile(f"{str(error).strip()}\n{advice(Path.cwd())}") from error


def _directory(where: Located) -> Path:
    """Return the directory of the `dodo.py` that the command line selects."""
    here, file = Path.cwd(), Path(where.file)
    if where.seeks:
        return next((up for up in (here, *here.parents) if (up / file).is_file()), here)
    return (here / file).parent.resolve()


def __getattr__(name: str) -> Any:
    """Return the class of doit's command for the current directory: `Run`, `List` or `Clean`."""
    if name not in _CLASSES:
        raise AttributeError(name)
    configuration = DoitConfig()
    configuration.loads([file for file in _FILES if Path(file).exists()])
    location = configuration.config["COMMAND"].get(name.lower())
    if location:
        return PluginEntry("COMMAND", name.lower(), location).get()
    plain = _CLASSES[name]
    return type(name, (_OutsideCommand, plain), {"name": name.lower(), "__doc__": plain.__doc__})


def advice(directory: Path) -> str:
    """Return what to do in a directory that is not a stack directory."""
    words = shlex.join(sys.argv[1:])
    for above in directory.parents:
        if (above / "dodo.py").is_file():
            return f"{above} has one: use `doit -k {words}`, or cd there"
    return (
        "This is not a stack directory. Change to one, or make one: "
        "python -m doitstack init DIRECTORY"
    )
