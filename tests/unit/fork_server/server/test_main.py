"""The server as a process: its socket, its callers, its end and its restart."""

import os
import socket
from pathlib import Path

import pytest

from fork_server.protocol import open_directory
from fork_server.server import main


def test_new_socket_replaces_that_of_an_earlier_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path)
    directory = open_directory(str(tmp_path))
    try:
        with main._listen(directory, "tool") as first, main._listen(directory, "tool") as second:
            assert [path.name for path in tmp_path.iterdir()] == ["tool.sock"]
            first.setblocking(False)
            with socket.socket(socket.AF_UNIX) as client:
                client.connect("tool.sock")
                connection, _ = second.accept()
                connection.close()
            with pytest.raises(BlockingIOError):
                first.accept()
    finally:
        os.close(directory)
