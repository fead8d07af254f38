"""Run by path: load this directory as a package, import the program's modules, serve.

The arguments are one word of JSON: see `Options` in options.py.
"""

import importlib.util
import sys
from pathlib import Path

PACKAGE = "_doitstack_warm"


def _load_package() -> None:
    """Make this directory the package PACKAGE, and forget that it was in sys.path."""
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        PACKAGE, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    _load_package()
    importlib.import_module(f"{PACKAGE}.main").main(sys.argv[1])
