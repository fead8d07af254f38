"""Sees the system calls of a program and of all it starts before they run, and lets some fail.

The kernel asks about each call (seccomp_unotify(2)), of Python, bash and every other program alike,
so nothing is mocked. Needs Linux 5.19 or newer on x86_64, and no rights.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


def _numbers(table: str) -> dict[str, int]:
    pairs = (word.partition("=") for word in table.split())
    return {name: int(number) for name, _, number in pairs}


CHANGES = _numbers(
    "open=2 openat=257 creat=85 ftruncate=77 fallocate=285 write=1 pwrite64=18 writev=20 "
    "sendfile=40 copy_file_range=326 mkdir=83 mkdirat=258 mknod=133 mknodat=259 symlink=88 "
    "symlinkat=266 link=86 linkat=265 rename=82 renameat=264 renameat2=316 unlink=87 "
    "unlinkat=263 rmdir=84 fsync=74 fdatasync=75 syncfs=306"
)
"""What changes files, by its number."""

OTHER_CHANGES = _numbers(
    "truncate=76 pwritev=296 pwritev2=328 openat2=437 splice=275 mmap=9 ioctl=16 io_uring_setup=425"
)
"""What may change files, too, but is not known to be used by anything that a run starts."""

FORKS = _numbers("clone=56 fork=57 vfork=58 clone3=435")

DESCRIPTORS = _numbers(
    "open=2 openat=257 pipe=22 pipe2=293 socket=41 socketpair=53 dup=32 memfd_create=319 "
    "pidfd_open=434 epoll_create1=291"
)
"""What makes descriptors."""

_NAMES = {
    number: name for name, number in {**CHANGES, **OTHER_CHANGES, **FORKS, **DESCRIPTORS}.items()
}
_ON_DESCRIPTOR = {
    **dict.fromkeys(("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile"), 0),
    **dict.fromkeys(("ftruncate", "fallocate", "fsync", "fdatasync", "syncfs", "ioctl"), 0),
    **dict.fromkeys(("copy_file_range", "splice"), 2),
    "mmap": 4,
}
"""Which argument is the descriptor of the file that changes."""
_AT = {"openat": 0, "openat2": 0, "mkdirat": 0, "mknodat": 0, "symlinkat": 1, "unlinkat": 0}
_TWO_AT = ("renameat", "renameat2", "linkat")
_CLONE_THREAD = 0x10000

_SECCOMP, _SET_MODE_FILTER = 317, 1
_NEW_LISTENER, _WAIT_KILLABLE = 1 << 3, 1 << 5
_PR_SET_NO_NEW_PRIVS = 38
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_CONTINUE = 1
_NOTICE = struct.Struct("QIIiIQ6Q")
_RESPONSE = struct.Struct("QqiI")
_USER_NOTIF, _ALLOW = 0x7FC00000, 0x7FFF0000


@dataclass(frozen=True)
class Call:
    """A system call that is about to run.

    `path` is the file that it concerns, or its new name; `old` the old name, of a rename or link.
    Both are empty if there is none. `pid` is the thread that calls.
    """

    name: str
    pid: int
    arguments: tuple[int, ...]
    path: str = ""
    old: str = ""

    @property
    def opens_for_writing(self) -> bool:
        """Whether it opens a file to write to it."""
        return bool(self.flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))

    @property
    def flags(self) -> int:
        """How it opens a file; 0 for what opens none."""
        return {"open": self.arguments[1], "openat": self.arguments[2], "creat": 0o1101}.get(
            self.name, 0
        )

    def data(self) -> bytes:
        """Return what a write has to write."""
        if self.name == "writev":
            vector = _memory(self.pid, self.arguments[1], 16 * self.arguments[2])
            parts = struct.iter_unpack("QQ", vector)
            return b"".join(_memory(self.pid, *part) for part in parts)
        if self.name == "sendfile":
            return self._copied(self.arguments[1], self.arguments[2], self.arguments[3])
        if self.name == "copy_file_range":
            return self._copied(self.arguments[0], self.arguments[1], self.arguments[4])
        return _memory(self.pid, self.arguments[1], self.arguments[2])

    def offset(self) -> int:
        """Return at which byte of the file it writes; -1 for its end."""
        if self.name == "pwrite64":
            return self.arguments[3]
        if self.name == "copy_file_range":
            return self._position(self.arguments[2], self.arguments[3])
        return self._position(self.arguments[0])

    def _position(self, descriptor: int, given_at: int = 0) -> int:
        """Return the position of a descriptor, or that which a call gives at an address."""
        if given_at:
            return int.from_bytes(_memory(self.pid, given_at, 8), "little")
        with open(f"/proc/{self.pid}/fdinfo/{descriptor}") as lines:
            values = dict(line.split(":", 1) for line in lines if line.startswith(("pos", "flags")))
        return -1 if int(values["flags"], 8) & os.O_APPEND else int(values["pos"])

    def _copied(self, descriptor: int, given_at: int, size: int) -> bytes:
        """Return what a call copies from another file. Raises OSError for a pipe."""
        with open(f"/proc/{self.pid}/fd/{descriptor}", "rb") as file:
            return os.pread(file.fileno(), size, self._position(descriptor, given_at))


Decide = Callable[[Call], int]
"""Returns the number of the error with which a call fails; 0 lets it run."""


def is_possible() -> bool:
    """Return whether this machine can do it."""
    try:
        watched = Watched(["true"], CHANGES, lambda _: 0)
    except (OSError, subprocess.SubprocessError):
        return False
    watched.communicate(10)
    return watched.process.returncode == 0


class Watched:
    """A program that runs; `decide` is asked before each of the `calls` of its whole tree."""

    def __init__(
        self,
        argv: Sequence[str],
        calls: Mapping[str, int],
        decide: Decide,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        if platform.machine() != "x86_64":
            raise OSError(errno.ENOSYS, "only for x86_64")
        self._decide = decide
        ours, theirs = socket.socketpair()
        with ours, theirs:
            code = _filter(calls.values())
            self.process = subprocess.Popen(
                argv,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                process_group=0,
                preexec_fn=lambda: _install(code, theirs),  # noqa: PLW1509 - it makes system calls
            )
            theirs.close()
            _, (self._listener,), _, _ = socket.recv_fds(ours, 1, 1)
        self._thread = threading.Thread(target=self._answer_all, daemon=True)
        self._thread.start()

    def communicate(self, timeout: float) -> str:
        """Return the output once the program and all that it has started have ended."""
        out, _ = self.process.communicate(timeout=timeout)
        self._thread.join(timeout)
        return out

    def _answer_all(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while all(not event & select.POLLHUP for _, event in poll.poll()):
            with suppress(OSError):  # the caller was killed meanwhile
                self._answer()
        os.close(self._listener)

    def _answer(self) -> None:
        notice = bytearray(_NOTICE.size)
        fcntl.ioctl(self._listener, _RECEIVE, notice)
        mark, pid, _, number, _, _, *arguments = _NOTICE.unpack(notice)
        error = 0
        try:
            error = self._decide(_call(_NAMES[number], pid, tuple(arguments)))
        finally:
            how = (mark, 0, -error, 0) if error else (mark, 0, 0, _CONTINUE)
            fcntl.ioctl(self._listener, _SEND, _RESPONSE.pack(*how))


def _call(name: str, pid: int, arguments: tuple[int, ...]) -> Call:
    try:
        path, old = _paths(name, pid, arguments)
    except OSError:
        path = old = ""
    return Call(name, pid, arguments, path, old)


def is_thread(call: Call) -> bool:
    """Return whether a clone makes a thread, and no process."""
    if call.name == "clone3":
        flags = int.from_bytes(_memory(call.pid, call.arguments[0], 8), "little")
        return bool(flags & _CLONE_THREAD)
    return call.name == "clone" and bool(call.arguments[0] & _CLONE_THREAD)


def _paths(name: str, pid: int, arguments: tuple[int, ...]) -> tuple[str, str]:
    if name in _ON_DESCRIPTOR:
        return os.readlink(f"/proc/{pid}/fd/{arguments[_ON_DESCRIPTOR[name]]}"), ""
    if name in {"rename", "link"}:
        return _path(pid, None, arguments[1]), _path(pid, None, arguments[0])
    if name in _TWO_AT:
        return _path(pid, arguments[2], arguments[3]), _path(pid, arguments[0], arguments[1])
    if name in _AT:
        place = _AT[name]
        return _path(pid, arguments[place], arguments[place + 1]), ""
    if name in {"open", "creat", "mkdir", "mknod", "unlink", "rmdir", "truncate"}:
        return _path(pid, None, arguments[0]), ""
    return (_path(pid, None, arguments[1]) if name == "symlink" else ""), ""


def _path(pid: int, directory: int | None, address: int) -> str:
    name = b""
    while b"\0" not in name:
        # Not over the end of a page: the next one may not be there.
        name += _memory(pid, address + len(name), 4096 - (address + len(name)) % 4096)
    text = os.fsdecode(name.partition(b"\0")[0])
    at = -100 if directory is None else ctypes.c_int(directory & 0xFFFFFFFF).value
    base = os.readlink(f"/proc/{pid}/{'cwd' if at == -100 else f'fd/{at}'}")
    return os.path.normpath(os.path.join(base, text))


def _memory(pid: int, address: int, size: int) -> bytes:
    descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
    try:
        return os.pread(descriptor, size, address)
    finally:
        os.close(descriptor)


def _filter(numbers: Sequence[int] | object) -> bytes:
    """Return a program of BPF that asks about these system calls and allows all others."""
    wanted = sorted(set(numbers))  # type: ignore[call-overload]
    load, equals, answer = 0x20, 0x15, 0x06
    code = [struct.pack("HBBI", load, 0, 0, 0)]
    for place, number in enumerate(wanted):
        code.append(struct.pack("HBBI", equals, len(wanted) - place, 0, number))
    code += [struct.pack("HBBI", answer, 0, 0, _ALLOW)]
    code += [struct.pack("HBBI", answer, 0, 0, _USER_NOTIF)]
    return b"".join(code)


def _install(code: bytes, channel: socket.socket) -> None:
    """Put the filter on this process, and send the descriptor that answers through `channel`."""
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(text))
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    flags = _NEW_LISTENER | _WAIT_KILLABLE
    listener = libc.syscall(_SECCOMP, _SET_MODE_FILTER, flags, program)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    socket.send_fds(channel, [b"x"], [listener])
    os.close(listener)
