"""The bash process of a session, and the pipes between it and the main process.

Moves bytes; does not interpret commands and messages.
"""

import errno
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from doitstack.console.main_log import write_all
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.prctl import die_with_parent
from doitstack.processes.program import without_functions
from doitstack.processes.tree import FUTURE_MARK, open_pidfd
from doitstack.records import Record

SESSION = Path(__file__).with_name("session.sh")

_FIRST = 230
"""The first of the session's own descriptors, which no script uses: it says `exec 9>lock`."""

_TUNABLES = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=0"}
"""For bash alone; session.sh unsets it. A thread's cache of freed memory is spread over the heap:
without it, bash and a future that it forks write to a fifth fewer pages, which the kernel copies.
"""


class SessionPlace(Record):
    """The surroundings of a session.

    Args:
        log: the descriptor for stdout and stderr.
        cwd: the directory in which it starts.
        run: the name of the run.
        variables: the variables that it has first.
        script: the script with the user's settings, which it sources, if there is one.
    """

    log: int
    cwd: Path
    run: str
    variables: Mapping[str, str]
    script: Path | None


class BashProcess:
    """The process. It starts when this is made, and ends after `close_commands`.

    Args:
        on_output: is called when there is something to `read`.
        on_end: is called once the process has ended.
    """

    def __init__(
        self,
        place: SessionPlace,
        loop: EventLoop,
        on_output: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._variables_file = _out_of_the_way(os.memfd_create("variables"))
        commands, self._commands = os.pipe()
        answers, self._answers = os.pipe()
        self._messages, messages = os.pipe()
        os.set_blocking(self._messages, False)
        ends = [_out_of_the_way(fd) for fd in (commands, answers, messages)]
        self._process = _start(place, [*ends, self._variables_file])
        for descriptor in ends:
            os.close(descriptor)
        loop.watch(self._messages, on_output)
        handle = open_pidfd(self._process.pid)
        assert handle is not None
        self._handle = handle
        loop.watch(handle, on_end)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def send_command(self, data: bytes) -> None:
        """Write a command. Raises OSError."""
        write_all(self._commands, data)

    def send_answer(self, pipe: str, data: bytes) -> None:
        """Write an answer: for a subshell into its named pipe, for the shell itself without one."""
        # A shell or subshell that was stopped in the meantime reads no answer.
        with suppress(OSError):
            if not pipe:
                write_all(self._answers, data)
                return
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            try:
                write_all(descriptor, data)
            finally:
                os.close(descriptor)

    def read(self) -> Iterator[bytes]:
        """Yield the messages that have arrived, as bytes."""
        with suppress(BlockingIOError):
            while chunk := os.read(self._messages, 1 << 16):
                yield chunk
            # All writers are gone, and the end of a pipe can be read for ever.
            self.stop_reading()

    def stop_reading(self) -> None:
        """Call `on_output` no more."""
        self._loop.forget(self._messages)

    def variables(self) -> bytes:
        """Return the variables as the last command has dumped them."""
        return os.pread(self._variables_file, os.fstat(self._variables_file).st_size, 0)

    def close_commands(self) -> None:
        """Close the pipe of commands; without another command the process ends."""
        if self._commands >= 0:
            os.close(self._commands)
            self._commands = -1

    def wait(self) -> int:
        """Wait for the end; return the exit code. `on_end` is not called any more."""
        self._loop.forget(self._handle)
        return self._process.wait()

    def close(self) -> None:
        """Close the pipes, and wait for the end."""
        self.stop_reading()
        self._loop.forget(self._handle)
        self.close_commands()
        for descriptor in (self._answers, self._messages, self._variables_file, self._handle):
            os.close(descriptor)
        self._process.wait()


def _start(place: SessionPlace, descriptors: list[int]) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    environ = _TUNABLES | without_functions(os.environ)
    environ.pop(FUTURE_MARK, None)  # it outlives the step in which it may start
    return subprocess.Popen(
        ["bash", "--noprofile", "--norc", SESSION, *map(str, descriptors), str(parent), place.run],
        stdin=subprocess.DEVNULL,
        stdout=place.log,
        stderr=place.log,
        cwd=place.cwd,
        env=environ,
        pass_fds=descriptors,
        process_group=0,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - we have one thread
    )


def _out_of_the_way(descriptor: int) -> int:
    """Move a descriptor to a number from `_FIRST` on. Raises OSError."""
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _FIRST)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        what = f"{os.strerror(errno.EMFILE)}: bash needs more than {_FIRST} (`ulimit -n`)"
        raise OSError(errno.EMFILE, what) from error
    finally:
        os.close(descriptor)
