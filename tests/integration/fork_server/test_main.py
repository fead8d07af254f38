"""A program served by hand."""

import subprocess
import sys
from pathlib import Path

from tests.served_tool import Tool, until


def test_a_program_is_served_by_hand(tmp_path: Path) -> None:
    tool = Tool(tmp_path / "here")
    words = [tool.real, tool.client, tool.options.directory, "fake_tool"]
    server = subprocess.Popen([sys.executable, "-m", "fork_server", *words])
    try:
        until(tool.socket.exists)
        assert tool.is_served()
    finally:
        server.terminate()
        server.wait()
