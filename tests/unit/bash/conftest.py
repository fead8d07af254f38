"""Run a piece of bash with the library, in its own directory."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SHELL = Path(__file__).parents[3] / "core" / "doitstack" / "bash"
LIBRARY = SHELL / "library.sh"


@dataclass(frozen=True)
class Outcome:
    """How the piece ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Bash:
    """Runs pieces of bash, under errexit as stack.sh does, in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LANG": "C.UTF-8",
            "DEST": str(path / "dest"),
            "TOP_DIR": str(path),
        }

    def __call__(self, script: str, *, code: int = 0, options: str = "-eu") -> Outcome:
        """Run `script`; its exit code has to be `code`."""
        text = f'source "{LIBRARY}"\nset {options} -o pipefail\n{script}\n'
        done = subprocess.run(
            ["bash", "-c", text, "piece"],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return Outcome(done.returncode, done.stdout, done.stderr)

    def says(self, script: str) -> str:
        """Run `script` and return what it prints, without the last line end."""
        return self(script).out.removesuffix("\n")

    def program(self, name: str, body: str) -> Path:
        """Put a program `name` in front of all others."""
        directory = self.path / "bin"
        directory.mkdir(exist_ok=True)
        file = directory / name
        file.write_text(f"#!/bin/bash\n{body}\n")
        file.chmod(0o755)
        if str(directory) not in self.env["PATH"].split(":"):
            self.env["PATH"] = f"{directory}:{self.env['PATH']}"
        return file

    def use_small_keys(self) -> None:
        """Let openssl make keys of half the size, which takes a tenth of the time."""
        real = shutil.which("openssl")
        self.program("openssl", f'exec {real} "${{@/rsa:2048/rsa:1024}}"')

    def requests(self) -> str:
        """Return a definition of doitstack_request that prints its arguments."""
        return "doitstack_request() { printf '<%s>' \"$@\"; echo; }"


@pytest.fixture
def bash(tmp_path: Path) -> Bash:
    return Bash(tmp_path)


@pytest.fixture
def ini(bash: Bash) -> Callable[[str, str], str]:
    """Give a function that writes f.ini, runs a piece and returns the file."""

    def change(before: str, script: str) -> str:
        file = bash.path / "f.ini"
        file.write_text(before)
        bash(script)
        return file.read_text()

    return change
