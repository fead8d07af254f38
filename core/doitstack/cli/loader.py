"""doit's loader of a stack directory's tasks, which also answers `--version` and `--help`.

doit answers these two itself, before it makes any command; only the loader is made earlier.
"""

import sys
from importlib.metadata import version

from doit.cmd_base import DodoTaskLoader
from doit.exceptions import InvalidCommand

from doitstack.cli.base import standard_output
from doitstack.cli.overview import overview_text


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """Loads the tasks of `dodo.py`, as doit does."""

    def __init__(self) -> None:
        """Answer the words that no command will see. Raises SystemExit after an answer."""
        super().__init__()
        if "" in sys.argv[1:]:
            # doit looks at the first character of each word.
            sys.stderr.write("ERROR: an argument is empty\n")
            raise SystemExit(3)
        match sys.argv[1:2]:
            case ["--version"]:
                _answer(f"doitstack {version('doitstack')}\ndoit {version('doit')}\n")
            case ["--help"]:
                _answer(overview_text())


def _answer(text: str) -> None:
    """Print `text` and raise SystemExit."""
    try:
        with standard_output("doit"):
            sys.stdout.write(text)
    except InvalidCommand as error:
        sys.stderr.write(f"ERROR: {error}\n")
        raise SystemExit(3) from error
    raise SystemExit(0)
