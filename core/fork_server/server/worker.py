"""A fork becomes like the caller's process, runs the program, and ends as Python does."""

import atexit
import ctypes
import fcntl
import importlib
import io
import os
import resource
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NoReturn

from .import_effects import ImportEffects
from .locales import StreamSettings, apply_locale
from .request import Request

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_NOT_FOUND = 127
_STREAMS = ("stdin", "stdout", "stderr")
_prctl = ctypes.CDLL(None).prctl


class Worker:
    """Runs `script`, or one beside it, as the caller would; created before the first call."""

    def __init__(self, script: str, fresh: tuple[str, ...]) -> None:
        self._script = script
        self._fresh = fresh
        self._code = compiled(script)

    def run(
        self, request: Request, settings: StreamSettings, effects: ImportEffects, server: int
    ) -> NoReturn:
        """Run the program for `request`, until it or `server`, our parent, ends.

        Raises SystemExit if Python itself must end.
        """
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != server:
            os.kill(os.getpid(), signal.SIGKILL)
        with suppress(OSError):
            os.setpgid(0, 0)
        _take_descriptors(request)
        _take_environment(request, settings)
        effects.repeat_changes()
        _take_signals(request)
        _make_streams(request, settings)
        with suppress(OSError):
            os.write(2, effects.stderr)
        self._execute(list(request.argv))

    def _execute(self, argv: list[str]) -> NoReturn:
        sys.argv = argv
        sys.orig_argv = [sys.executable, *argv]
        for name in self._fresh:
            if name in sys.modules:
                importlib.reload(sys.modules[name])
        script = argv[0]
        code, death = self._run(script)
        _finish(code, death)

    def _run(self, script: str) -> tuple[int, signal.Signals | None]:
        """Run the program; if there is none, say so, with the exit code of a shell."""
        try:
            program = self._code if script == self._script else compiled(script)
        except OSError as error:
            sys.stderr.write(f"cannot run {script}: {error.strerror}\n")
            return _NOT_FOUND, None
        except SyntaxError as error:
            sys.excepthook(SyntaxError, error, None)
            return 1, None
        return run_main(program, script)


def compiled(script: str) -> CodeType:
    """Return the code of a script. Raises OSError if it cannot be read, or SyntaxError."""
    return compile(Path(script).read_bytes(), script, "exec", dont_inherit=True)


def run_main(code: CodeType, script: str) -> tuple[int, signal.Signals | None]:
    """Run a script as `__main__`; return its exit code, or the signal by which to end."""
    main = ModuleType("__main__")
    main.__file__ = script
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    try:
        exec(code, main.__dict__)  # noqa: S102 - the program
    except SystemExit as request:
        return _exit_code(request), None
    except BaseException as error:
        # Its first frame is ours.
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 1, signal.SIGINT if isinstance(error, KeyboardInterrupt) else None
    return 0, None


def _exit_code(request: SystemExit) -> int:
    if request.code is None:
        return 0
    if isinstance(request.code, int):
        return request.code & 0xFF
    if sys.stderr:
        sys.stderr.write(f"{request.code}\n")
    return 1


def _finish(code: int, death: signal.Signals | None) -> NoReturn:
    """End as an interpreter does, but without destroying its objects."""
    with suppress(AttributeError):
        threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            if stream and not stream.closed:
                stream.flush()
    except OSError:
        # Python prints a message for this and has an exit code: let it end by itself.
        sys.exit(code)
    if death:
        signal.signal(death, signal.SIG_DFL)
        os.kill(os.getpid(), death)
    os._exit(code)


def _take_descriptors(request: Request) -> None:
    """Move the caller's descriptors to their numbers, and close all others."""
    above = max(request.numbers) + 1
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, above) for fd in request.descriptors]
    os.closerange(0, above)
    for descriptor, number in zip(moved[1:], request.numbers, strict=True):
        os.dup2(descriptor, number)
    os.fchdir(moved[0])
    os.closerange(above, os.sysconf("SC_OPEN_MAX"))


def _take_environment(request: Request, settings: StreamSettings) -> None:
    os.environ.clear()
    for name, value in request.environ.items():
        with suppress(OSError, ValueError):
            os.environ[name] = value
    apply_locale(settings)
    time.tzset()
    os.umask(request.umask)
    for number, pair in request.limits.items():
        if resource.getrlimit(number) != pair:
            resource.setrlimit(number, pair)
    if request.nice != os.getpriority(os.PRIO_PROCESS, 0):
        os.setpriority(os.PRIO_PROCESS, 0, request.nice)
    with suppress(OSError):
        os.sched_setaffinity(0, request.processors)
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))


def _take_signals(request: Request) -> None:
    """Ignore and block what the caller does; handle the rest as Python does when it starts."""
    ignored = request.ignored
    own = {signal.SIGPIPE, signal.SIGXFSZ}
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) is not None:
            is_ignored = number in ignored or number in own
            signal.signal(number, signal.SIG_IGN if is_ignored else signal.SIG_DFL)
    if signal.SIGINT not in ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, request.blocked)


def _make_streams(request: Request, settings: StreamSettings) -> None:
    is_buffered = not request.environ.get("PYTHONUNBUFFERED")
    for number, name in enumerate(_STREAMS):
        errors = "backslashreplace" if number == 2 else settings.errors
        stream = _stream(number, settings.encoding, errors, is_buffered=is_buffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _stream(number: int, encoding: str, errors: str, *, is_buffered: bool) -> io.TextIOWrapper:
    """Return a standard stream as `create_stdio` of CPython's pylifecycle.c makes it."""
    mode = "w" if number else "r"
    is_raw = mode == "w" and not is_buffered
    buffering = 0 if is_raw else -1
    buffer: Any = open(number, f"{mode}b", buffering, closefd=False)  # noqa: SIM115 - to the end
    raw = buffer if is_raw else buffer.raw
    raw.name = f"<{_STREAMS[number]}>"
    text = io.TextIOWrapper(
        buffer,
        encoding,
        errors,
        newline="\n",
        line_buffering=is_buffered and (raw.isatty() or number == 2),
        write_through=not is_buffered,
    )
    vars(text)["mode"] = mode
    return text
