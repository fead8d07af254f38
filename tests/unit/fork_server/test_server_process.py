"""A server from outside: the command that starts it, and whether it is ready."""

import socket
from pathlib import Path

import fork_server
from fork_server.options import read_options
from tests.served_tool import Tool


def test_the_command_carries_the_options(unserved: Tool) -> None:
    python, script, words = fork_server.server_command(unserved.options, Path("/venv/bin/python"))
    assert python == "/venv/bin/python"
    assert Path(script).is_file()
    assert read_options(words) == unserved.options


def test_one_that_only_listens_is_not_ready(unserved: Tool) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(unserved.socket))
        listener.listen()
        assert not fork_server.is_ready(unserved.options)
