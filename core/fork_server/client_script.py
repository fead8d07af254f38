"""Install the client of a program: a script that is called in the program's place.

Its interpreter is the Python below this one's virtual environment, and a copy of the client's code
lies next to the socket: so it needs neither this package nor the environment that holds it. If the
copy is missing or damaged, or no server answers, the script runs the program itself.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from fork_server.options import Options
from fork_server.protocol import open_directory

_PACKAGE = Path(__file__).parent
_MODULES = ("protocol.py", "client.py")
_LONGEST_LINE = 127
"""Bytes of a script's first line that every Linux reads."""

_SCRIPT = """\
#!{interpreter} -IS
# Runs a program in its fork server, or by itself if there is none.
import sys

words = {words}
sys.path.insert(0, {code})
try:
    from fork_server.client import main
except Exception:
    import posix

    posix.execv(words[0], words)
main({program}, {directory}, {name}, {stamp})
"""


def is_supported() -> bool:
    """Return whether clients can be written: the path of the interpreter must fit a first line."""
    line = f"#!{_interpreter()} -IS"
    return len(os.fsencode(line)) <= _LONGEST_LINE and " " not in _interpreter()


def install_client(options: Options, path: Path, *, for_daemons: bool = False) -> bool:
    """Write the client of a program to `path` (0700); return whether that changed anything.

    A client `for_daemons` takes the path of a program beside `options.script` as its first argument
    and runs that as a fork of the same server, which goes on if the server ends.

    Raises PermissionError if the socket's directory belongs to another user or is open to others.
    """
    with suppress(FileExistsError):
        Path(options.directory).mkdir(mode=0o700, parents=True)
    with _locked(options.directory):
        return _replace(path, _script(options, for_daemons=for_daemons))


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Lock a directory of our own in the block: another process may install the same client."""
    directory = open_directory(path)
    try:
        lock = os.open(f"/proc/self/fd/{directory}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(directory)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _script(options: Options, *, for_daemons: bool) -> str:
    program = ascii(options.script)
    return _SCRIPT.format(
        interpreter=_interpreter(),
        words="sys.argv[1:]" if for_daemons else f"[{program}, *sys.argv[1:]]",
        program=None if for_daemons else program,
        code=ascii(str(_install_code(Path(options.directory)))),
        directory=ascii(options.directory),
        name=ascii(options.name),
        stamp=ascii(options.stamp),
    )


def _replace(path: Path, text: str) -> bool:
    if not path.is_symlink() and path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o700)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)  # in one piece: a caller may be reading it
    return True


def stamp(*parts: str) -> str:
    """Return a digest of `parts` and of this package's code: it distinguishes versions."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(_PACKAGE.rglob("*.py"))]
    return _digest(*parts, *sources)


def _interpreter() -> str:
    """Return the Python that runs this, without the virtual environment around it."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _install_code(directory: Path) -> Path:
    """Copy and compile the client's modules; return the directory to import them from."""
    import py_compile  # noqa: PLC0415 - once for each version of the client

    texts = {name: (_PACKAGE / name).read_text(encoding="utf-8") for name in _MODULES}
    texts["__init__.py"] = ""
    code = directory / f"client-{_digest(sys.version, *texts.values())[:16]}"
    if code.is_dir():
        if all(_has(code / "fork_server" / name, text) for name, text in texts.items()):
            return code
        shutil.rmtree(code, ignore_errors=True)  # a crash of the machine may have cut it
    new = Path(mkdtemp(dir=directory))
    (new / "fork_server").mkdir()
    for name, text in texts.items():
        file = new / "fork_server" / name
        file.write_text(text, encoding="utf-8")
        py_compile.compile(str(file), doraise=True)
    try:
        new.rename(code)
    except OSError:  # another process was quicker
        shutil.rmtree(new)
    return code


def _has(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
