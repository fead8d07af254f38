"""The tool without a server, and with one."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served_tool import Tool


@pytest.fixture
def unserved(tmp_path: Path) -> Iterator[Tool]:
    made = Tool(tmp_path / "st'ack")
    made.install()
    yield made
    if made.server and made.server.poll() is None:
        os.kill(made.server.pid, signal.SIGCONT)
    made.stop()


@pytest.fixture
def tool(unserved: Tool) -> Tool:
    unserved.start()
    return unserved
