"""The agent as one program."""

import os
import subprocess
import sys
from pathlib import Path

from doitstack.hosts.agent_program import BOOT, agent_program


def test_program_needs_none_of_our_packages(tmp_path: Path) -> None:
    # -S leaves out the directories of packages, and so ours.
    words = [sys.executable, "-I", "-S", "-c", BOOT]
    lines = agent_program() + b'{"look": "."}\n'
    environ = {"HOME": str(tmp_path)}
    done = subprocess.run(words, input=lines, env=environ, capture_output=True, check=True)
    assert done.stderr == b""
    hello, answer = done.stdout.splitlines()
    assert hello.startswith(b'{"hello": ')
    assert answer == b'{"exists": true}'


def test_program_is_short() -> None:
    # It is sent to each host in each run.
    assert len(agent_program()) < 12_000
    assert agent_program().count(os.linesep.encode()) == 1
