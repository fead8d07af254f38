"""Import in uWSGI's master what workers need besides the user's code, so that they start quickly.

Runs in the service's environment, by `--shared-pyimport`. A worker that is started anew is a fork
of the master, and imports the application from the source trees. What they need is found once, by a
child process that imports the application: the modules outside of the trees that import none of
the trees' modules, themselves or through others.
"""

import builtins
import gc
import importlib
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PREFIX = "DOITSTACK_PRELOAD_"
"""The prefix of the names of the environment variables MODULE, TREES and LIST."""


def preload(module: str, trees: Sequence[str], file: Path) -> None:
    """Import what `module` needs from outside of `trees`; `file` keeps the names of it."""
    if not file.is_file():
        _in_child(lambda: _record(module, trees, file))
    if not file.is_file():
        return  # the application cannot be imported; its worker shows why
    names = json.loads(file.read_text())
    guard = _OnlyKnown(names)
    sys.meta_path.insert(0, guard)
    for name in names:
        # What cannot be imported alone is left to the worker.
        with suppress(Exception):
            importlib.import_module(name)
    sys.meta_path.remove(guard)
    gc.collect()
    gc.freeze()


class _OnlyKnown:
    """A finder that keeps modules of the trees out of the master, and what is imported in turns."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name not in self._names and not name.startswith("encodings"):
            raise ModuleNotFoundError(f"{name} is not preloaded", name=name)


def _in_child(work: Callable[[], None]) -> None:
    """Do `work` in a child process without output, and wait for it."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        for number in (1, 2):
            os.dup2(nowhere, number)
        work()
    finally:
        os._exit(0)


def _record(module: str, trees: Sequence[str], file: Path) -> None:
    """Import the application, and write the names of the modules to preload."""
    imports = _traced_imports(module)
    places = tuple(f"{tree}{os.sep}" for tree in trees)
    excluded = {
        name
        for name, loaded in sys.modules.items()
        if str(getattr(loaded, "__file__", None) or "").startswith(places)
    }
    excluded |= {"__main__", __name__}
    while more := {
        name
        for name in imports.keys() - excluded
        if name.rpartition(".")[0] in excluded or not imports[name].isdisjoint(excluded)
    }:
        excluded |= more
    names = [name for name in sys.modules if name not in excluded]
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_text(json.dumps(names))
    new.replace(file)


def _traced_imports(module: str) -> dict[str, set[str]]:
    """Import a module; return what each module that was loaded with it imports."""
    imports: dict[str, set[str]] = {}
    real = builtins.__import__

    def traced(
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        where = globals or {}
        found = real(name, globals, locals, fromlist or (), level)
        package = where.get("__package__") or where.get("__name__", "")
        whole = importlib.util.resolve_name("." * level + name, package) if level else name
        # What a function imports when somebody calls it later is no need of its module.
        if getattr(where.get("__spec__"), "_initializing", False):
            those = imports.setdefault(where.get("__name__", ""), set())
            those.add(whole)
            those.update(f"{whole}.{one}" for one in fromlist or ())
        return found

    builtins.__import__ = traced
    importlib.import_module(module)
    builtins.__import__ = real
    return {name: imports.get(name, set()) for name in sys.modules}


if PREFIX + "MODULE" in os.environ:
    preload(
        os.environ[PREFIX + "MODULE"],
        os.environ[PREFIX + "TREES"].split(os.pathsep),
        Path(os.environ[PREFIX + "LIST"]),
    )
