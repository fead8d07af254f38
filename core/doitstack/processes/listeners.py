"""The TCP ports of this machine on which processes listen."""

import ipaddress
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_LISTEN = ":0000 0A "
"""How a line of /proc/net/tcp has a listening socket: no port on the other side, the state 10."""


class _Socket(NamedTuple):
    """A listening socket: its address and port, the id of its user, and its inode."""

    address: bytes
    port: int
    user: int
    inode: int


def listeners() -> Iterator[tuple[int, int | None]]:
    """Yield each port that a process listens on, and its pid: None if it is another user's."""
    import psutil  # noqa: PLC0415 - not for every `doit list`

    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            yield connection.laddr.port, connection.pid


def is_listening(pids: Iterable[int], port: int) -> bool:
    """Return whether one of these processes listens on a port.

    It looks at them alone: `listeners` reads the descriptors of all processes of the machine.
    """
    wanted = {f"socket:[{one.inode}]" for one in _sockets() if one.port == port}
    return bool(wanted) and any(not wanted.isdisjoint(_open_files(pid)) for pid in pids)


def _open_files(pid: int) -> Iterator[str]:
    """Yield what the descriptors of a process stand for."""
    directory = f"/proc/{pid}/fd"
    with suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208 - of processes with many files
            with suppress(OSError):
                yield os.readlink(f"{directory}/{name}")  # noqa: PTH115


def listening_user(host: str, port: int) -> int | None:
    """Return the id of the user who gets the connections to this address of the machine.

    None if nobody listens there. Unlike the process, the user is known of others' sockets, too.
    """
    users = {(one.address, one.port): one.user for one in _sockets()}
    with suppress(OSError):
        for _, _, _, _, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            for address in _most_specific_first(ipaddress.ip_address(place[0])):
                if (address.packed, port) in users:
                    return users[address.packed, port]
    return None


def _most_specific_first(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Yield the addresses on which a socket may listen that gets the connections to `address`."""
    yield address
    if address.version == 4:
        yield ipaddress.IPv6Address(f"::ffff:{address}")
        yield ipaddress.IPv4Address("0.0.0.0")  # noqa: S104 - only looked for
    yield ipaddress.IPv6Address("::")


def _sockets() -> Iterator[_Socket]:
    """Yield the listening sockets."""
    for name in ("tcp", "tcp6"):
        with suppress(FileNotFoundError), Path(f"/proc/net/{name}").open() as table:
            for line in table:
                if _LISTEN in line:
                    _, place, _, _, _, _, _, user, _, inode, *_ = line.split()
                    address, _, port = place.partition(":")
                    where = _in_network_order(bytes.fromhex(address)), int(port, 16)
                    yield _Socket(*where, int(user), int(inode))


def _in_network_order(data: bytes) -> bytes:
    """Return an address that the kernel prints in words of four bytes of the machine's order."""
    words = (data[start : start + 4] for start in range(0, len(data), 4))
    return b"".join(socket.htonl(int.from_bytes(word)).to_bytes(4) for word in words)
