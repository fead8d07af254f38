"""Start a fork server and check whether it is ready, from another process."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from fork_server.options import Options
from fork_server.protocol import GREETING, PATIENCE, open_directory, socket_path

_START = Path(__file__).parent / "server" / "start.py"


def server_command(options: Options, python: str | Path) -> list[str]:
    """Return the command that serves a program; `python` is the interpreter of its environment."""
    return [str(python), str(_START), options.dump()]


def is_ready(options: Options) -> bool:
    """Return whether a server answers: it has imported everything."""
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(PATIENCE)
        directory = open_directory(options.directory)
        try:
            client.connect(socket_path(directory, options.name))
        finally:
            os.close(directory)
        return client.recv(1) == GREETING
    return False
