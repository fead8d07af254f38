"""Run a program in its fork server; or directly, if the server cannot or need not run it.

Runs in a process of its own for each call, as `python -IS`. So it imports only C modules: `os`,
`signal` and `socket` would double the time of a start.
"""

import _signal
import _socket
import posix
import select
import sys

from fork_server.protocol import (
    ACCEPTED,
    DAEMON,
    GREETING,
    NAMESPACES,
    NOT_STARTED,
    PATIENCE,
    REQUEST,
    START,
    encode,
    open_directory,
    peer,
    socket_path,
)

TYPE_CHECKING = False  # to import it would take longer than all the rest
if TYPE_CHECKING:
    from typing import NoReturn

_MOST_DESCRIPTORS = 200
_BUSY_PERIODS = 40
"""The number of periods of PATIENCE to wait for a server that only lacks a processor."""

_FORWARDED = (
    *(_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGABRT, _signal.SIGUSR1),
    *(_signal.SIGUSR2, _signal.SIGALRM, _signal.SIGTERM, _signal.SIGTSTP, _signal.SIGXCPU),
    *(_signal.SIGVTALRM, _signal.SIGPROF, _signal.SIGWINCH, _signal.SIGIO, _signal.SIGPWR),
)


class NotServedError(Exception):
    """The program must be run directly."""


def main(program: str | None, directory: str, name: str, stamp: str) -> "NoReturn":
    """Run `program` with the arguments and in place of this process.

    None stands for a daemon, which the first argument names and which goes on if the server ends.
    The socket is `name`.sock in `directory`. The server must have the same `stamp`.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # no traceback of ours
    argv = _arguments()
    if program is not None:
        argv.insert(0, program.encode("utf-8", "surrogateescape"))
    try:
        connection = _connect(directory, name)
        _send_request(connection, stamp, argv)
        signals = _record_signals()
        connection.send(DAEMON if program is None else START)
    except (NotServedError, OSError):
        pass
    else:
        _follow(connection, signals)
    _run_directly(argv)


def _arguments() -> list[bytes]:
    """Return the arguments as they were given, in no encoding."""
    words = _read("/proc/self/cmdline").split(b"\0")[:-1]
    return words[len(words) - len(sys.argv) + 1 :]


def _run_directly(argv: list[bytes]) -> "NoReturn":
    # Python ignores these two itself, and a program would inherit that.
    _signal.signal(_signal.SIGPIPE, _signal.SIG_DFL)
    _signal.signal(_signal.SIGXFSZ, _signal.SIG_DFL)
    environment: dict[bytes, bytes] = {}
    # Not `posix.environ`: Python adds LC_CTYPE there.
    for entry in _read("/proc/self/environ").split(b"\0"):
        name, separator, value = entry.partition(b"=")
        if separator:
            environment.setdefault(name, value)
    try:
        posix.execve(argv[0], argv, environment)
    except OSError as error:
        reason = f": {error.strerror}\n".encode("utf-8", "surrogateescape")
        posix.write(2, argv[0] + reason)
    posix._exit(127)


def _connect(directory: str, name: str) -> _socket.socket:
    """Connect to the server. Raises OSError, NotServedError."""
    if len(sys.argv) == 1 and posix.isatty(0):
        raise NotServedError  # an interactive session: its start does not matter
    if posix.readlink("/proc/self/cwd").endswith(" (deleted)"):
        raise NotServedError  # some modules cannot be imported there, so none may be there already
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    connection.settimeout(0)
    connection.connect(socket_path(open_directory(directory), name))
    pid, user = peer(connection)
    if user != posix.geteuid():
        raise NotServedError
    if _niceness(pid) > _niceness(0):
        raise NotServedError  # a fork of it could not be as quick as the program itself
    return connection


def _niceness(pid: int) -> int:
    return posix.getpriority(posix.PRIO_PROCESS, pid)


def _send_request(connection: _socket.socket, stamp: str, argv: list[bytes]) -> None:
    """Ask the server to run a program. Raises OSError, NotServedError."""
    numbers = _inherited_descriptors()
    _expect(connection, GREETING)
    parts = [
        str(_niceness(0)).encode(),
        " ".join(map(str, numbers)).encode(),
        _read("/proc/self/status"),
        _read("/proc/self/limits"),
        " ".join(posix.readlink(f"/proc/self/{name}") for name in NAMESPACES).encode(),
        b"".join(word + b"\0" for word in argv),
        _read("/proc/self/environ"),
    ]
    data = encode(stamp, parts)
    memory = posix.memfd_create("request", posix.MFD_CLOEXEC)
    if posix.write(memory, data) != len(data):  # `ulimit -f` counts here, too
        raise NotServedError
    here = posix.open(".", posix.O_PATH | posix.O_CLOEXEC)
    rights = b"".join(number.to_bytes(4, sys.byteorder) for number in (memory, here, *numbers))
    connection.sendmsg([REQUEST], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)])
    _expect(connection, ACCEPTED)


def _inherited_descriptors() -> list[int]:
    """Return the descriptors that the program would inherit. Raises NotServedError."""
    numbers = sorted(filter(_is_inherited, map(int, posix.listdir("/proc/self/fd"))))
    if numbers[:3] != [0, 1, 2] or len(numbers) > _MOST_DESCRIPTORS:
        raise NotServedError
    return numbers


def _is_inherited(number: int) -> bool:
    try:
        return posix.get_inheritable(number)
    except OSError:  # the one by which the directory was listed
        return False


def _expect(connection: _socket.socket, word: bytes) -> None:
    """Wait for `word`, longer if the server wants to run and cannot. Raises NotServedError."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    pid, _ = peer(connection)
    periods = 0
    while not poll.poll(PATIENCE * 1000):
        periods += 1
        # An idle server may have answered since.
        if periods > _BUSY_PERIODS or not (_is_busy(pid) or poll.poll(0)):
            raise NotServedError
    if connection.recv(1) != word:
        raise NotServedError


def _is_busy(pid: int) -> bool:
    state = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[0]
    return state in (b"R", b"D")


def _record_signals() -> int:
    """Record the signals that this process gets; return where their numbers can be read."""
    reader, writer = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
    _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in _FORWARDED:
        if _signal.getsignal(number) != _signal.SIG_IGN:
            _signal.signal(number, lambda *_: None)
    return reader


def _follow(connection: _socket.socket, signals: int) -> None:
    """Forward signals until the program ends, then end as it did; return if it was not started."""
    # If the caller has blocked a signal, the program has it blocked, and may wait for it.
    before = _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _FORWARDED)
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(signals, select.POLLIN)
    forwarded: list[int] = []
    while True:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if connection.fileno() in ready:
            _end(connection)
            break
        for number in posix.read(signals, 128):
            _forward(connection, number)
            if number != _signal.SIGTSTP:
                forwarded.append(number)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    for number in forwarded:
        _signal.signal(number, _signal.SIG_DFL)
        posix.kill(posix.getpid(), number)


def _forward(connection: _socket.socket, number: int) -> None:
    if number == _signal.SIGTSTP:
        # The program stops, then this process; and in the same order they go on.
        _send(connection, _signal.SIGSTOP)
        posix.kill(posix.getpid(), _signal.SIGSTOP)
        number = _signal.SIGCONT
    _send(connection, number)


def _send(connection: _socket.socket, number: int) -> None:
    try:  # noqa: SIM105 - no contextlib: see above
        connection.send(bytes([number]))
    except OSError:
        pass  # the program has ended


def _end(connection: _socket.socket) -> None:
    """End as the program did: by its exit code or its signal; return if it was not started."""
    try:
        data = connection.recv(4)
    except OSError:
        data = b""
    if data == NOT_STARTED:
        return
    # A server that dies takes the program along.
    status = int.from_bytes(data, sys.byteorder) if len(data) == 4 else int(_signal.SIGKILL)
    number = status & 0x7F
    if not number:
        posix._exit(status >> 8)
    if number != _signal.SIGKILL:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    posix.kill(posix.getpid(), number)
    posix._exit(128 + number)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - no pathlib: see above
        return file.read()
