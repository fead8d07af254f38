"""The messages between client and server, with one of them in the test."""

import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fork_server.protocol import NAMESPACES, encode
from tests.served_tool import Tool, is_gone, plain_environment, until


@contextmanager
def connected(tool: Tool) -> Iterator[socket.socket]:
    """A connection to the server, after it has greeted."""
    with greeted(tool) as client:
        yield client


def greeted(tool: Tool) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.settimeout(250)
        client.connect(str(tool.socket))
        if client.recv(1) != b"+":
            raise ConnectionError(tool.log.read_text())
    except BaseException:
        client.close()
        raise
    return client


def request(tool: Tool, *words: str) -> bytes:
    """Return the request of a client with our environment and three descriptors."""
    own = Path("/proc/self")
    parts = [
        str(os.getpriority(os.PRIO_PROCESS, 0)),
        "0 1 2",
        (own / "status").read_text(),
        (own / "limits").read_text(),
        " ".join(str((own / name).readlink()) for name in NAMESPACES),
        "".join(f"{word}\0" for word in (tool.real, *words)),
        "".join(f"{name}={value}\0" for name, value in plain_environment().items()),
    ]
    return encode(tool.options.stamp, [part.encode() for part in parts])


def ask(client: socket.socket, tool: Tool, *words: str) -> int:
    """Have a call accepted; return where its output can be read."""
    reader, writer = os.pipe()
    memory = os.memfd_create("request")
    os.write(memory, request(tool, *words))
    null, place = os.open(os.devnull, os.O_RDWR), os.open("/", os.O_PATH)
    given = [memory, place, null, writer, writer]
    socket.send_fds(client, [b"?"], given)
    for descriptor in set(given):
        os.close(descriptor)
    assert client.recv(1) == b"!", tool.log.read_text()
    return reader


def answer(client: socket.socket) -> int:
    return os.waitstatus_to_exitcode(*struct.unpack("I", client.recv(4)))


def test_a_signal_reaches_a_command_that_has_just_been_forked(tool: Tool) -> None:
    with connected(tool) as client:
        os.close(ask(client, tool, "wait"))
        client.send(b"G" + bytes([signal.SIGINT]))
        assert answer(client) == -signal.SIGINT


def test_a_signal_that_does_not_exist_does_not_end_the_server(tool: Tool) -> None:
    with connected(tool) as client:
        reader = ask(client, tool, "exit", "7")
        client.send(b"G\xc8")
        assert answer(client) == 7
    os.close(reader)
    assert tool.is_served()


def test_an_accepted_call_is_served_by_a_server_that_is_idle(unserved: Tool) -> None:
    for idle in (0.2, 2.0, 20.0):
        server = unserved.start(idle=idle)
        try:
            client = greeted(unserved)
            break
        except OSError:  # on a busy machine, it may have ended before it is called
            assert server.wait() == 0
    with client:
        reader = ask(client, unserved, "exit", "7")
        time.sleep(idle + 0.3)
        client.send(b"G")
        assert answer(client) == 7
    os.close(reader)
    assert server.wait() == 0


def test_an_accepted_call_is_served_although_the_program_changes(tool: Tool) -> None:
    with connected(tool) as client:
        reader = ask(client, tool, "exit", "7")
        (tool.bin / "fake_tool.py").touch()
        time.sleep(0.06)  # for so long the last check holds
        assert tool.run("served").stdout == b"False\n"
        client.send(b"G")
        assert answer(client) == 7
    os.close(reader)
    until(tool.is_served, tool.log)


def test_a_client_that_leaves_before_the_start_is_forgotten(tool: Tool) -> None:
    with connected(tool) as client:
        reader = ask(client, tool, "wait")
        client.send(b"G")
    said = os.read(reader, 100)
    os.close(reader)
    if said:  # it may have come so far
        until(lambda: is_gone(int(said)))
    assert tool.is_served()


def listening(tool: Tool) -> socket.socket:
    """Return the socket of a server that is this process."""
    tool.socket.parent.mkdir(mode=0o700, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tool.socket))
    listener.listen()
    listener.settimeout(250)
    return listener


def spin(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def test_a_busy_server_is_waited_for(unserved: Tool) -> None:
    with listening(unserved) as listener:
        client = unserved.popen("served")
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(250)
            spin(0.8)
            connection.send(b"+")
            assert connection.recv(1) == b"?"
            spin(0.8)
            connection.send(b"!")
            assert connection.recv(1) == b"G"
            connection.send(struct.pack("I", 3 << 8))
        client.communicate()
    assert client.returncode == 3


def test_an_idle_server_that_sends_nothing_is_not_waited_for(unserved: Tool) -> None:
    with listening(unserved) as listener:
        client = unserved.popen("served")
        connection, _ = listener.accept()
        with connection:
            assert client.communicate()[0] == b"False\n"
