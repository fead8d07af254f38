"""Import what the program will need, once: modules named, and those that rehearsals have shown."""

import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable
from contextlib import suppress

from .options import Options
from .watch import Readings, watched_environment
from .worker import run_main


def preload(options: Options) -> Readings:
    """Import everything, and return what the modules have read of their surroundings meanwhile."""
    with watched_environment() as readings:
        _import(name for pattern in options.preload for name in _named(pattern))
        exec(options.setup, {"__name__": "__main__"})  # noqa: S102 - the plugin's own words
        for arguments in options.rehearsals:
            _import(_rehearsed(options.script, arguments))
    gc.collect()
    gc.freeze()
    return readings


def _named(pattern: str) -> list[str]:
    """Return the module, or for `package.*` the package and all modules right inside."""
    package = pattern.removesuffix(".*")
    if package == pattern:
        return [pattern]
    try:
        paths = importlib.import_module(package).__path__
    except Exception:
        return []
    inside = (f"{package}.{module.name}" for module in pkgutil.iter_modules(paths))
    return [name for name in inside if not name.endswith((".tests", ".__main__"))]


def _import(names: Iterable[str]) -> None:
    for name in names:
        if name not in sys.modules:
            with suppress(Exception, SystemExit):
                importlib.import_module(name)


def _rehearsed(script: str, arguments: tuple[str, ...]) -> list[str]:
    """Run the program in a fork, its output thrown away; return what it has imported.

    In a fork, as nothing but modules is to be kept.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            _rehearse(script, arguments)
        with open(writer, "w", encoding="utf-8") as file:  # noqa: PTH123
            file.write("\n".join(list(sys.modules)))
            file.flush()
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:  # noqa: PTH123
        names = file.read().splitlines()
    os.waitpid(pid, 0)
    return [name for name in names if name != "__main__"]


def _rehearse(script: str, arguments: tuple[str, ...]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    sys.argv = [script, *arguments]
    with open(script, "rb") as file:  # noqa: PTH123
        run_main(compile(file.read(), script, "exec"), script)
