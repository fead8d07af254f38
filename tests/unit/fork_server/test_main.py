"""A program served by hand."""

import subprocess
import sys


def test_too_few_arguments_are_answered_by_the_usage() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fork_server"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Usage: python -m fork_server SCRIPT CLIENT DIRECTORY" in done.stderr
