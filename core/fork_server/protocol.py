"""The messages between a client and a fork server. Imports only C modules: clients start often.

A server listens on the Unix socket `NAME.sock` in a directory that only its user may enter. Each
side checks that the other is a process of its own user. A call is one connection:

1. The server sends GREETING, at once: a server that is stuck gets no descriptors.
2. The client sends REQUEST with descriptors attached: a memory file with the encoded request, the
   working directory, and all descriptors that the program inherits.
3. The server sends ACCEPTED, or closes the connection. Then the client runs the program itself.
4. The client sends START. Only now does the server fork. From here on the program runs in the
   server's fork, or not at all if the server dies. A server that cannot fork sends NOT_STARTED
   and closes; the client then runs the program itself. A client that sends DAEMON instead is from
   then on connected to a fork of the server that serves it alone, and may outlive the server.
5. Each further byte from the client is the number of a signal for the program. If the client
   closes the connection, the program is killed.
6. The server sends the wait status of the program (4 bytes, native order) and closes.

An encoded request is a line of the stamp and the sizes of the parts in bytes, then the parts:
niceness; numbers of the descriptors; /proc/self/status; /proc/self/limits; targets of the links
NAMESPACES; the program's path and its arguments, each ending in NUL; environment, as in
/proc/self/environ.
"""

import _socket
import posix
import sys

GREETING, REQUEST, ACCEPTED, NOT_STARTED = b"+", b"?", b"!", b"-"
START, DAEMON = b"G", b"D"

PATIENCE = 0.25
"""Seconds within which a server that is not stuck sends GREETING and ACCEPTED."""

MOST_DESCRIPTORS = 253
"""How many one message may carry: SCM_MAX_FD of the kernel."""

NAMESPACES = (
    "root",
    *("ns/cgroup", "ns/ipc", "ns/mnt", "ns/net", "ns/pid", "ns/user", "ns/uts"),
)
"""Links in /proc/self that must lead both sides to the same places."""


def encode(stamp: str, parts: list[bytes]) -> bytes:
    """Return the request with these parts."""
    sizes = " ".join(str(len(part)) for part in parts)
    return f"{stamp} {sizes}\n".encode() + b"".join(parts)


def decode(data: bytes) -> tuple[str, list[bytes]]:
    """Return the stamp and the parts of a request. Raises ValueError."""
    head, _, rest = data.partition(b"\n")
    stamp, *sizes = head.decode().split(" ")
    parts = []
    for size in map(int, sizes):
        parts.append(rest[:size])
        rest = rest[size:]
    return stamp, parts


def open_directory(path: str) -> int:
    """Return an O_PATH descriptor of a directory that only this user may enter.

    A symbolic link at `path` is not followed. Raises OSError; PermissionError if the directory
    belongs to another user or is open to others.
    """
    flags = posix.O_PATH | posix.O_DIRECTORY | posix.O_NOFOLLOW | posix.O_CLOEXEC
    descriptor = posix.open(path, flags)
    found = posix.fstat(descriptor)
    if found.st_uid != posix.geteuid() or found.st_mode & 0o077:
        posix.close(descriptor)
        raise PermissionError(f"{path} must belong to the user who runs this, with mode 0700")
    return descriptor


def socket_path(directory: int, name: str) -> str:
    """Return the path of a socket below an open directory, which may have any length itself.

    The kernel takes at most 107 bytes.
    """
    return f"/proc/self/fd/{directory}/{name}.sock"


def peer(connection: _socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the other side."""
    data = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    return int.from_bytes(data[:4], sys.byteorder), int.from_bytes(data[4:8], sys.byteorder)
