"""A program of the tests' own: called directly, and by its fork server."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import fork_server
from fork_server import Options, Preparation

HERE = Path(__file__).parent
PATIENCE = 250.0
"""Seconds until what is waited for must have come, however busy the machine is."""

SCRIPT = "#!{python}\nimport sys\nfrom fake_tool import main\nsys.exit(main())\n"


def plain_environment(**extra: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **extra}


class Tool:
    """The program `tool`: its client, the real one, and the server if it is started."""

    def __init__(self, top: Path, client: Path | None = None) -> None:
        self.bin = top / "venv" / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "python").symlink_to(os.path.realpath(sys.executable))
        shutil.copy(HERE / "fake_tool.py", self.bin)
        self.real = str(self.bin / "tool")
        Path(self.real).write_text(SCRIPT.format(python=self.bin / "python"))
        Path(self.real).chmod(0o755)
        self.client = str(client or top / "tool")
        self.log = top / "log"
        self.server: subprocess.Popen[bytes] | None = None
        self.options = Options(
            self.real,
            str(top / "sockets"),
            "tool",
            fork_server.stamp(self.real),
            Preparation(preload=("fake_tool",)),
            idle=60.0,
        )

    @property
    def socket(self) -> Path:
        return Path(self.options.directory) / "tool.sock"

    def install(self) -> None:
        fork_server.install_client(self.options, Path(self.client))

    def start(
        self, *, stamp: str = "", idle: float = 60.0, nice: int = 0, **preparation: Any
    ) -> "subprocess.Popen[bytes]":
        options = self.options._replace(
            stamp=stamp or self.options.stamp,
            idle=idle,
            preparation=self.options.preparation._replace(**preparation),
        )
        command = fork_server.server_command(options, self.bin / "python")
        with self.log.open("wb") as log:
            self.server = server = subprocess.Popen(
                ["nice", "-n", str(nice), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=plain_environment(),
                start_new_session=True,
            )
        # Its socket may be gone again, if it is soon idle.
        until(lambda: self._has_been_ready or server.poll() is not None, self.log)
        assert self._has_been_ready, self.log.read_text()
        return server

    @property
    def _has_been_ready(self) -> bool:
        return "ready\n" in self.log.read_text()

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
            timeout=PATIENCE,
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
        assert self.is_served(), self.log.read_text()
        mine, real = (
            self.run(*words, program=program, **options) for program in (self.client, self.real)
        )
        outcomes = [(done.returncode, done.stdout, done.stderr) for done in (mine, real)]
        return outcomes[0], outcomes[1]

    def is_served(self, **options: Any) -> bool:
        return self.run("served", **options).stdout == b"True\n"


def until(condition: Any, log: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, log.read_text() if log else "too late"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True


def started(tool: Tool, *words: str, **options: object) -> "tuple[subprocess.Popen[bytes], int]":
    """Return the client of a call that waits, and the pid that does it."""
    process = tool.popen(*words, **options)  # type: ignore[arg-type]
    assert process.stdout
    pid = int(process.stdout.readline())
    assert pid != process.pid, tool.log.read_text()
    return process, pid


def end(process: "subprocess.Popen[bytes]") -> tuple[int, bytes, bytes]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err
