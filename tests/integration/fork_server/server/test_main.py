"""The server as a process: its socket, its callers, its end and its restart."""

import os
import stat
import time
from pathlib import Path

import pytest

from tests.served_tool import SCRIPT, Tool


def test_a_program_that_is_gone_is_not_restarted(tool: Tool) -> None:
    assert tool.is_served()
    (tool.bin / "python").unlink()
    time.sleep(0.06)  # for so long the last check holds
    assert tool.run("served").returncode == 127
    assert tool.server
    assert tool.server.wait() == 0
    assert not tool.socket.exists()


def test_the_socket_is_the_owners_alone(tool: Tool) -> None:
    assert stat.S_IMODE(tool.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(tool.socket.parent.stat().st_mode) == 0o700


def test_long_paths_work(tmp_path: Path) -> None:
    tool = Tool(tmp_path / ("a" * 90) / ("b" * 90))
    tool.install()
    Path(tool.real).write_text(SCRIPT.format(python=tool.bin / "python"))
    try:
        tool.start()
        assert tool.is_served()
    finally:
        tool.stop()


def test_a_directory_open_to_others_is_not_served_in(unserved: Tool) -> None:
    unserved.socket.parent.chmod(0o750)
    with pytest.raises(AssertionError, match="mode 0700"):
        unserved.start()
    assert unserved.server
    assert unserved.server.wait() == 1


REFUSAL = """
def refuse(*_):
    raise PermissionError
import os
os.setpriority = refuse
"""


def test_a_nice_server_serves_only_callers_as_nice(unserved: Tool) -> None:
    unserved.start(nice=5, setup=REFUSAL)
    assert unserved.run("served").stdout == b"False\n"
    assert unserved.is_served(preexec_fn=lambda: os.nice(5))
    assert "niceness is 5" in unserved.log.read_text()
    assert "left to the real command" not in unserved.log.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become less nice")
def test_a_server_started_nicely_serves_all_callers(unserved: Tool) -> None:
    unserved.start(nice=5)
    assert unserved.is_served()
    mine, real = unserved.both("state", preexec_fn=lambda: os.nice(5))
    assert mine == real
