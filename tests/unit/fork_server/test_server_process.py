"""A server from outside: the command that starts it, and whether it is ready."""

import socket
from pathlib import Path

import fork_server
from fork_server.options import read_options

from .tool import Tool, until


def test_the_command_carries_the_options(unserved: Tool) -> None:
    python, script, words = fork_server.server_command(unserved.options, Path("/venv/bin/python"))
    assert python == "/venv/bin/python"
    assert Path(script).is_file()
    assert read_options(words) == unserved.options


def test_it_is_ready_once_it_greets(unserved: Tool) -> None:
    assert not fork_server.is_ready(unserved.options)
    unserved.start()
    assert fork_server.is_ready(unserved.options)
    unserved.stop()
    assert not fork_server.is_ready(unserved.options)


def test_one_that_only_listens_is_not_ready(unserved: Tool) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(unserved.socket))
        listener.listen()
        assert not fork_server.is_ready(unserved.options)


def test_asking_leaves_no_line_in_the_log(tool: Tool) -> None:
    assert fork_server.is_ready(tool.options)
    assert tool.is_served()
    until(lambda: tool.log.read_text() == "ready\n", tool.log)
