"""A program served by hand."""

import subprocess
import sys
from pathlib import Path

from .tool import Tool, until


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


def test_too_few_arguments_are_answered_by_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fork_server"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Usage: python -m fork_server SCRIPT CLIENT DIRECTORY" in done.stderr
