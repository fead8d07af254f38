"""The files of a program and its client; no server is started."""

from pathlib import Path

import pytest

from tests.served_tool import Tool


@pytest.fixture
def unserved(tmp_path: Path) -> Tool:
    made = Tool(tmp_path / "st'ack")
    made.install()
    return made
