"""A server from outside: the command that starts it, and whether it is ready."""

import fork_server
from tests.served_tool import Tool, until


def test_it_is_ready_once_it_greets(unserved: Tool) -> None:
    assert not fork_server.is_ready(unserved.options)
    unserved.start()
    assert fork_server.is_ready(unserved.options)
    unserved.stop()
    assert not fork_server.is_ready(unserved.options)


def test_asking_leaves_no_line_in_the_log(tool: Tool) -> None:
    assert fork_server.is_ready(tool.options)
    assert tool.is_served()
    until(lambda: tool.log.read_text() == "ready\n", tool.log)
