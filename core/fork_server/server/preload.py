"""Import what the program will need: modules by name, and those that rehearsals have imported."""

import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from ..options import Preparation
from .environment_reads import recorded_reads
from .import_effects import ImportEffects
from .worker import run_main


def preload(script: str, preparation: Preparation) -> ImportEffects:
    """Import everything; return the side effects of that."""
    before = dict(os.environ)
    with recorded_reads() as reads:
        with _captured_stderr() as captured:
            for name in preparation.preload:
                _import(name)
        exec(preparation.setup, {"__name__": "__main__"})  # noqa: S102 - it is there to be run
        for arguments in preparation.rehearsals:
            _import_all(_modules_of_rehearsal(script, arguments))
    names = before.keys() | os.environ.keys()
    now = {name: os.environ.get(name) for name in names}
    changes = {name: value for name, value in now.items() if value != before.get(name)}
    gc.collect()
    gc.freeze()
    return ImportEffects(before, reads, changes, bytes(captured))


@contextmanager
def _captured_stderr() -> Iterator[bytearray]:
    """Yield a buffer that in the end holds what was written to stderr; it is written there, too."""
    captured = bytearray()
    real = os.dup(2)
    with open(os.memfd_create("stderr"), "w+b", buffering=0) as memory:  # noqa: PTH123
        os.dup2(memory.fileno(), 2)
        try:
            yield captured
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            memory.seek(0)
            captured += memory.readall() or b""
            os.write(2, captured)


def _modules_of(package: str) -> list[str]:
    """Return the modules directly in a package; none if there is no such package."""
    try:
        paths = importlib.import_module(package).__path__
    except ImportError:
        return []
    inside = (f"{package}.{module.name}" for module in pkgutil.iter_modules(paths))
    return [name for name in inside if not name.endswith((".tests", ".__main__"))]


def _import(name: str) -> None:
    """Import a module, or for `PACKAGE.*` all modules of a package."""
    if name.endswith(".*"):
        _import_all(_modules_of(name.removesuffix(".*")))
    else:
        importlib.import_module(name)


def _import_all(names: Iterable[str]) -> None:
    """Import what can be imported; the rest fails in the calls that import it."""
    for name in names:
        if name not in sys.modules:
            with suppress(Exception, SystemExit):
                importlib.import_module(name)


def _modules_of_rehearsal(script: str, arguments: tuple[str, ...]) -> list[str]:
    """Run the program in a fork, its output discarded; return the names of its modules."""
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
