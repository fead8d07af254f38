"""doit's loader of a stack directory's tasks, which also handles `--version` and `--help`.

doit handles these two before it makes any command; only the loader is made earlier.
"""

import gc
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

from doit.cmd_base import DodoTaskLoader
from doit.exceptions import InvalidCommand, InvalidDodoFile

from doitstack.config.settings import WITHOUT_DEFAULT, Settings
from doitstack.errors import describe_error
from doitstack.planning.call_action import place_of
from doitstack.planning.loaded_directory import loaded


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """Loads the tasks of `dodo.py`, as doit does."""

    def __init__(self) -> None:
        """Handle the options that doit passes to no command. Raises SystemExit after output."""
        super().__init__()
        if "" in sys.argv[1:]:
            # doit reads the first character of each word.
            sys.stderr.write("ERROR: an argument is empty\n")
            raise SystemExit(3)
        match sys.argv[1:2]:
            case ["--version"]:
                _answer(lambda: f"doitstack {version('doitstack')}\ndoit {version('doit')}\n")
            case ["--help"]:
                _answer(_overview)

    def setup(self, opt_values: Any) -> None:
        """Import `dodo.py`.

        Raises InvalidDodoFile, with the place, for whatever it raises, and InvalidCommand for a
        setting on the command line.
        """
        try:
            super().setup(opt_values)
        except (InvalidCommand, InvalidDodoFile, KeyboardInterrupt):
            raise
        except (Exception, SystemExit) as error:
            place = place_of(error)
            raise InvalidDodoFile(
                f"dodo.py cannot be imported: {describe_error(error)}{place}"
            ) from error
        _refuse_settings(loaded().directory.settings, sys.argv[1:])
        gc.freeze()

    def load_tasks(self, cmd: Any, pos_args: list[str]) -> Any:
        """Return the tasks. What is loaded now stays: looking for garbage in it takes 10 ms."""
        tasks = super().load_tasks(cmd, pos_args)
        gc.freeze()
        return tasks


def _refuse_settings(settings: Settings, words: Sequence[str]) -> None:
    """Raise InvalidCommand for a setting among the words, which doit takes for its own variable.

    Other names may be for the user's `dodo.py`. The value, which may be a secret, is not shown.
    """
    for name, is_assigned, _ in (word.partition("=") for word in words):
        if is_assigned and name in settings.with_default | WITHOUT_DEFAULT:
            raise InvalidCommand(
                f"{name}=... has no effect here; set it before the command, {name}=... doit, "
                f"or in local.conf"
            )


def _overview() -> str:
    from doitstack.cli.overview import overview_text  # noqa: PLC0415 - not for each command

    return overview_text()


def _answer(text: Callable[[], str]) -> None:
    """Print a text and raise SystemExit."""
    from doitstack.cli.base import standard_output  # noqa: PLC0415 - not for each command

    try:
        with standard_output("doit"):
            sys.stdout.write(text())
    except InvalidCommand as error:
        sys.stderr.write(f"ERROR: {error}\n")
        raise SystemExit(3) from error
    raise SystemExit(0)
