"""Import what the program will need, once: modules named, and those that rehearsals have shown."""

import gc
import importlib
import os
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from .imported import Imported
from .options import Options
from .watch import watched_environment
from .worker import run_main


def preload(options: Options) -> Imported:
    """Import everything, and return what came of it."""
    before = dict(os.environ)
    with watched_environment() as readings:
        with _overheard() as said:
            for name in options.preload:
                if name.endswith(".*"):
                    _try(_modules_of(name.removesuffix(".*")))
                else:
                    importlib.import_module(name)
        exec(options.setup, {"__name__": "__main__"})  # noqa: S102 - the plugin's own words
        for arguments in options.rehearsals:
            _try(_rehearsed(options.script, arguments))
    names = before.keys() | os.environ.keys()
    now = {name: os.environ.get(name) for name in names}
    changes = {name: value for name, value in now.items() if value != before.get(name)}
    gc.collect()
    gc.freeze()
    return Imported(before, readings, changes, bytes(said))


@contextmanager
def _overheard() -> Iterator[bytearray]:
    """Fill a buffer with what is written to stderr inside; it is written there, too."""
    said = bytearray()
    real = os.dup(2)
    with open(os.memfd_create("said"), "w+b", buffering=0) as memory:  # noqa: PTH123
        os.dup2(memory.fileno(), 2)
        try:
            yield said
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)
            memory.seek(0)
            said += memory.readall() or b""
            os.write(2, said)


def _modules_of(package: str) -> list[str]:
    """Return the modules right inside a package, none where there is no such package."""
    try:
        paths = importlib.import_module(package).__path__
    except ImportError:
        return []
    inside = (f"{package}.{module.name}" for module in pkgutil.iter_modules(paths))
    return [name for name in inside if not name.endswith((".tests", ".__main__"))]


def _try(names: Iterable[str]) -> None:
    """Import what can be imported; what cannot be would fail in the call that wants it."""
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
