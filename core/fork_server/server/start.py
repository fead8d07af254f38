"""Start a server; run by path in the environment of its program. Argument: see `Options.dump`.

The fork_server package need not be installed there. Its modules are loaded under another name, so
that none is taken for a module of the program.
"""

import importlib
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "_fork_server"


def _make_package() -> None:
    """Make PACKAGE a package of the modules that lie here."""
    package = ModuleType(PACKAGE)
    package.__path__ = [str(Path(__file__).parents[1])]
    sys.modules[PACKAGE] = package


if __name__ == "__main__":
    _make_package()
    importlib.import_module(f"{PACKAGE}.server.main").main(sys.argv[1])
