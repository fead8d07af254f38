"""doit's loader of a stack directory's tasks, which also answers `--version` and `--help`.

doit answers these two itself, before it makes any command; only the loader is made earlier.
"""

import sys
from importlib.metadata import version

from doit.cmd_base import DodoTaskLoader

from doitstack.cli.overview import overview_text


class Loader(DodoTaskLoader):  # type: ignore[misc]
    """Loads the tasks of `dodo.py`, as doit does."""

    def __init__(self) -> None:
        super().__init__()
        if "" in sys.argv[1:]:
            # doit looks at the first character of each word.
            sys.stderr.write("ERROR: an argument is empty\n")
            raise SystemExit(3)
        match sys.argv[1:2]:
            case ["--version"]:
                # doit adds its own version.
                sys.stdout.write(f"doitstack {version('doitstack')}\ndoit ")
            case ["--help"]:
                sys.stdout.write(overview_text())
                raise SystemExit(0)
