"""Put something else in the place of a file that a stack has left, and look at all commands.

In each round a file or directory below DEST becomes a FIFO, a directory, a socket, a link or
something that is no text. Then no command may hang or show a traceback, unless a step fails with an
error about a file; `unstack` must end all processes, and `clean` remove DEST or fail.
"""

import builtins
import os
import random
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.kill_plans import Plan
from tests.campaign.kill_victims import described, service_processes
from tests.conftest import DOIT, StackDir
from tests.integration.probes import is_dead, marked

PATIENCE = 250.0
"""Seconds after which a command hangs."""

MARK = ".doitstack"

COMMANDS = (
    *(("stack",), ("timing",), ("futures",), ("services",), ("log",)),
    *(("unstack",), ("stack",), ("unstack",), ("clean",)),
)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def _directory(path: Path) -> None:
    path.mkdir()
    (path / "inside").touch()


def _socket(path: Path) -> None:
    # The path itself may be too long for a socket.
    with socket.socket(socket.AF_UNIX) as server:
        directory = os.open(path.parent, os.O_PATH)
        server.bind(f"/proc/self/fd/{directory}/{path.name}")
        os.close(directory)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "directory": _directory,
    "socket": _socket,
    "link in a circle": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to /dev/null": lambda path: path.symlink_to("/dev/null"),
    "empty file": Path.touch,
    "bytes": lambda path: path.write_bytes(b"\xff\xfe\0\n[x\n{" * 50),
}


def _is_about_files(out: str) -> bool:
    """Return whether the tracebacks, which steps may have, are of operations on files."""
    names = re.findall(r"^ *(\w+Error): ", out, re.MULTILINE)
    return bool(names) and all(issubclass(getattr(builtins, name, str), OSError) for name in names)


@dataclass(frozen=True)
class Round:
    """What was put in which place, the exit codes of the commands, and what was wrong."""

    place: str
    kind: str
    codes: tuple[int, ...]
    faults: tuple[str, ...]


class Campaign:
    """Rounds in a stack directory; `mark` is in the environment of all processes of its runs."""

    def __init__(self, stack: StackDir, mark: str, seed: int, plan: Plan) -> None:
        self._stack = stack
        self._mark = mark
        self._random = random.Random(seed)
        plan.prepare(stack)
        self._stack.run("stack").ok()
        # Without its mark, DEST is refused: it may be another's.
        self._places = sorted({self._place(path) for path in stack.dest.rglob("*")} - {MARK})
        self._stack.run("clean").ok()

    def _place(self, path: Path) -> str:
        """Return the pattern of a path: names of runs differ."""
        name = str(path.relative_to(self._stack.dest))
        return "logs/runs/*.jsonl" if name.startswith("logs/runs/") else name

    def rounds(self, count: int) -> Iterator[Round]:
        """Run `count` rounds, each with another place and kind."""
        every = [(place, kind) for place in self._places for kind in DAMAGE]
        for place, kind in self._random.sample(every, min(count, len(every))):
            yield self.one(place, kind)

    def one(self, place: str, kind: str) -> Round:
        """Stack, put something in a place, and run the commands."""
        _remove(self._stack.dest) if self._stack.dest.exists() else None
        self._stack.run("stack").ok()
        for path in [*self._stack.dest.glob(place)][-1:]:
            _remove(path)
            DAMAGE[kind](path)
        faults: list[str] = []
        codes = [self._command(words, faults) for words in COMMANDS]
        # What is not the stack's, as a link is that has taken the place of a directory, stays.
        names = [path.name for path in self._stack.dest.glob("*")]
        if codes[-1] == 0 and (left := {*names} - {place.partition("/")[0]}):
            faults.append(f"clean ended with 0, and left {left}")
        for pid in self._processes():
            faults.append(f"still there: {described([pid])}")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return Round(place, kind, tuple(codes), tuple(faults))

    def _command(self, words: tuple[str, ...], faults: list[str]) -> int:
        process = subprocess.Popen(
            [DOIT, *words],
            cwd=self._stack.path,
            env=self._stack.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        try:
            out, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            faults.append(f"{words[0]} hangs:\n{out}")
        if "Traceback" in out and not _is_about_files(out):
            faults.append(f"{words[0]}: traceback:\n{out}")
        if process.returncode not in {0, 1, 2, 3}:
            faults.append(f"{words[0]}: exit code {process.returncode}:\n{out}")
        if words == ("unstack",) and (left := self._processes()):
            faults.append(f"unstack leaves {described(left)}:\n{out}")
        return process.returncode

    def _processes(self) -> list[int]:
        services = [one.pid for one in service_processes(self._stack)]
        return [pid for pid in {*marked(self._mark), *services} if not is_dead(pid)]
