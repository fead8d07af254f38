"""A program of a test's own, kept warm."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from doitstack import warm
from doitstack.config.settings import load_settings
from doitstack.stack import Stack
from doitstack.venvs import Environment
from doitstack.warm import launcher
from doitstack.warm.inside.options import Options

HERE = Path(__file__).parent
START = Path(launcher.__file__).parent / "inside" / "start.py"
SCRIPT = "#!{python}\nimport sys\nfrom fake_tool import main\nsys.exit(main())\n"


def plain_environment(**extra: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **extra}


class Tool:
    """The program `tool`: its wrapper, the real one, and the server if it is started."""

    def __init__(self, top: Path) -> None:
        top.mkdir(parents=True)
        self.stack = Stack(load_settings(top, plain_environment()))
        self.environment = Environment(top / "venv", ())
        self.program = warm.Program(self.environment, "tool", preload=("fake_tool",))
        self.bin = top / "venv" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "python").symlink_to(os.path.realpath(sys.executable))
        shutil.copy(HERE / "fake_tool.py", self.bin)
        self.real = str(self.bin / "tool")
        Path(self.real).write_text(SCRIPT.format(python=self.bin / "python"))
        Path(self.real).chmod(0o755)
        self.client = str(launcher.wrapper(self.stack, "tool"))
        self.socket = self.stack.dest / "warm" / "tool.sock"
        self.log = top / "log"
        self.server: subprocess.Popen[bytes] | None = None
        warm.put(self.stack, self.program)

    def start(self, **options: Any) -> "subprocess.Popen[bytes]":
        self.socket.parent.mkdir(mode=0o700, exist_ok=True)
        values = {
            "preload": ("fake_tool",),
            "stamp": launcher.stamp(self.program),
            "idle": 60.0,
            **options,
        }
        words = Options(self.real, str(self.socket.parent), "tool", **values).dump()
        with self.log.open("wb") as log:
            self.server = subprocess.Popen(
                [self.bin / "python", START, words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=plain_environment(),
                start_new_session=True,
            )
        until(self.socket.exists, self.log)
        return self.server

    def stop(self) -> None:
        if self.server:
            self.server.kill()
            self.server.wait()

    def run(
        self, *words: str, program: str = "", env: dict[str, str] | None = None, **options: Any
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [program or self.client, *words],
            capture_output="stdout" not in options,
            timeout=60,
            check=False,
            env=plain_environment() if env is None else env,
            **options,
        )

    def popen(self, *words: str, program: str = "", **options: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [program or self.client, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=plain_environment(),
            **options,
        )

    def both(self, *words: str, **options: Any) -> tuple[Any, Any]:
        """Return how the call ends by the server, and by the program itself."""
        assert self.is_warm(), self.log.read_text()
        mine, real = (
            self.run(*words, program=program, **options) for program in (self.client, self.real)
        )
        outcomes = [(done.returncode, done.stdout, done.stderr) for done in (mine, real)]
        return outcomes[0], outcomes[1]

    def is_warm(self, **options: Any) -> bool:
        return self.run("warm", **options).stdout == b"True\n"


def until(condition: Any, log: Path | None = None) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, log.read_text() if log else "too late"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


@pytest.fixture
def cold(tmp_path: Path) -> Iterator[Tool]:
    made = Tool(tmp_path / "st'ack")
    yield made
    if made.server and made.server.poll() is None:
        os.kill(made.server.pid, signal.SIGCONT)
    made.stop()


@pytest.fixture
def tool(cold: Tool) -> Tool:
    cold.start()
    return cold
