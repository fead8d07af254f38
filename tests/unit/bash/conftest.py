"""Run a piece of bash with the library, in its own directory."""

import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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


_LOOP = """\
source "$1"
shift
while IFS= read -r -d '' piece; do
    (eval "$piece")
    echo "$?"
done
"""

_PIECE = """\
exec < /dev/null 3> {out} 2> {err}
echo
exec >&3 3>&-
cd {path}
set {options} -o pipefail
{script}
"""


def environment(path: Path) -> dict[str, str]:
    """Return the environment of the pieces in the directory `path`."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(path),
        "LANG": "C.UTF-8",
        "DEST": str(path / "dest"),
        "TOP_DIR": str(path),
    }


class LoadedBash:
    """A bash that has loaded the library, and forks for each piece: that takes 1 ms, not 12.

    All pieces run in the directory `path`, whose name is in variables of the library.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = environment(path)
        self._bash = self._start()
        self._readers = ThreadPoolExecutor(1)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            ["bash", "-c", _LOOP, "piece", str(LIBRARY)],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )

    def run(self, script: str, options: str) -> Outcome:
        """Run a piece; return when nothing has its output open any more."""
        try:
            return self._run(script, options)
        except BaseException:
            # A piece that has timed out, or ended the bash, is not to disturb the next tests.
            with suppress(ProcessLookupError):
                os.killpg(self._bash.pid, signal.SIGKILL)
            self._bash.communicate()
            self._bash = self._start()
            raise

    def _run(self, script: str, options: str) -> Outcome:
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        (out, out_end), (err, err_end) = os.pipe(), os.pipe()
        piece = _PIECE.format(
            out=f"/proc/{os.getpid()}/fd/{out_end}",
            err=f"/proc/{os.getpid()}/fd/{err_end}",
            path=shlex.quote(str(self.path)),
            options=options,
            script=script,
        )
        self._bash.stdin.write(piece.encode() + b"\0")
        self._bash.stdin.flush()
        self._bash.stdout.readline()
        os.close(out_end)
        os.close(err_end)
        error = self._readers.submit(_content, err)
        output = _content(out)
        return Outcome(int(self._bash.stdout.readline()), output, error.result())

    def end(self) -> None:
        """End it."""
        self._bash.communicate()
        self._readers.shutdown()


def _content(descriptor: int) -> str:
    with open(descriptor) as file:
        return file.read()


class Bash:
    """Runs pieces of bash, under errexit as stack.sh does, in `path`."""

    def __init__(self, loaded: LoadedBash) -> None:
        self.path = loaded.path
        self.env = environment(self.path)
        self._loaded = loaded

    def __call__(self, script: str, *, code: int = 0, options: str = "-eu") -> Outcome:
        """Run `script`; its exit code has to be `code`."""
        # The environment counts while the library is loaded, and $$ is the loaded bash.
        may_fork = self.env == self._loaded.environ and "$$" not in script
        done = self._loaded.run(script, options) if may_fork else self._started(script, options)
        assert done.code == code, done
        return done

    def _started(self, script: str, options: str) -> Outcome:
        """Run `script` in a bash of its own."""
        text = f'source "{LIBRARY}"\nset {options} -o pipefail\n{script}\n'
        done = subprocess.run(
            ["bash", "-c", text, "piece"],
            cwd=self.path,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
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


@pytest.fixture(scope="session")
def loaded_bash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadedBash]:
    loaded = LoadedBash(tmp_path_factory.mktemp("bash") / "test")
    yield loaded
    loaded.end()


@pytest.fixture
def bash(tmp_path: Path, loaded_bash: LoadedBash) -> Iterator[Bash]:
    """Return what runs bash in an empty directory, whose name is the same for all tests."""
    loaded_bash.path.mkdir()
    yield Bash(loaded_bash)
    loaded_bash.path.rename(tmp_path / "bash")


@pytest.fixture
def ini(bash: Bash) -> Callable[[str, str], str]:
    """Give a function that writes f.ini, runs a piece and returns the file."""

    def change(before: str, script: str) -> str:
        file = bash.path / "f.ini"
        file.write_text(before)
        bash(script)
        return file.read_text()

    return change
