"""Feed generated and mutated inputs to everything that reads files, pipes, sockets and settings.

A target reads one kind of input. It may refuse an input with the errors of its interface, and that
is all: any other exception, a CPU time above the limit, and a change of a file outside of its
directory are faults. Where something else writes what it reads, it must read the same again.

A seed replays the inputs.
"""

import os
import random
import signal
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from tests.campaign.bash_inputs import BASH_TARGETS
from tests.campaign.channel_inputs import channel_targets
from tests.campaign.mutator import Fault, Mutator, Target
from tests.campaign.settings_inputs import settings_targets
from tests.campaign.state_inputs import state_targets

CPU_SECONDS = 2.0
"""The CPU time after which an input hangs its reader. All but the longest need milliseconds."""


class HangError(BaseException):
    """The reader has used up its CPU time."""


class Inputs:
    """Runs targets on inputs; `directory` is the only place where they may change files."""

    def __init__(self, directory: Path, seed: int) -> None:
        self._directory = f"{os.path.realpath(directory)}/"
        self._seed = seed
        self._is_watched = False
        self._foreign: list[str] = []
        sys.addaudithook(self._audit)

    def faults(self, target: Target, count: int) -> Iterator[Fault]:
        """Read `count` inputs; yield the faults."""
        mutator = Mutator(target, random.Random(f"{self._seed} {target.name}"))
        signal.signal(signal.SIGVTALRM, _hang)
        with patch("os.fsync"):  # it takes long, and nothing is killed here
            for _ in range(count):
                data = mutator.make()
                if reason := self._read(target, data):
                    yield Fault(target.name, data, reason)

    def _read(self, target: Target, data: bytes) -> str:
        """Return how reading an input went wrong, if it did."""
        self._foreign.clear()
        self._is_watched = True
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_SECONDS)
        try:
            target.read(data)
        except HangError:
            return f"hangs: over {CPU_SECONDS} s of CPU time\n{traceback.format_exc(limit=-4)}"
        except Exception:
            return traceback.format_exc(limit=-6)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            self._is_watched = False
        return f"changes {self._foreign[0]}" if self._foreign else ""

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_watched and (places := _changed(event, arguments)):
            self._foreign += [place for place in places if not self._may_change(place)]

    def _may_change(self, place: str) -> bool:
        real = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
        is_byte_code = "__pycache__" in (os.path.basename(os.path.dirname(real)), real[-11:])
        return is_byte_code or real.startswith((self._directory, "/proc/", "/dev/", "/memfd:"))


def _changed(event: str, arguments: tuple[Any, ...]) -> list[str]:
    """Return the paths that an audited event changes; see the table in Python's documentation."""
    found: list[tuple[Any, int]] = []
    match event, arguments:
        case "open", (path, _, int(flags)) if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            found = [(path, -1)]
        case "os.mkdir", (path, _, directory) if not os.path.isdir(_place(path, directory)):
            found = [(path, directory)]
        case "os.rmdir" | "os.remove", (path, directory):
            found = [(path, directory)]
        case "os.chmod" | "os.chown" | "os.truncate", (path, *_):
            found = [(path, -1)]
        case "os.rename" | "os.link", (path, other, directory, other_directory):
            found = [(path, directory), (other, other_directory)]
        case "os.symlink", (_, path, directory):
            found = [(path, directory)]
    return [_place(*one) for one in found]


def _place(path: Any, directory: int = -1) -> str:
    """Return a path as it is, or relative to an open directory; a descriptor is none of ours."""
    if isinstance(path, int):
        return "/dev/fd"
    base = os.path.realpath(f"/proc/self/fd/{directory}") if directory >= 0 else ""
    return os.path.join(base, os.fsdecode(path))


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise HangError


@contextmanager
def _quiet() -> Iterator[None]:
    """Throw away what readers write."""
    with open(os.devnull, "w") as null, redirect_stdout(null), redirect_stderr(null):
        yield


@contextmanager
def python_targets(directory: Path) -> Iterator[dict[str, Target]]:
    """Yield the targets in Python, by name; they work in `directory`."""
    with channel_targets(directory / "channel") as channels:
        settings = settings_targets(directory / "settings")
        state = state_targets(directory / "state")
        yield {target.name: target for target in (*settings, *state, *channels)}


@dataclass(frozen=True)
class Result:
    """What a target made of its inputs: how many there were and how many were faults.

    `kinds` are the shortest inputs that are faults, one of each kind; `seconds` is CPU time.
    """

    target: str
    count: int
    faults: int
    kinds: tuple[Fault, ...]
    seconds: float

    def keep(self, directory: Path) -> None:
        """Write the inputs that are faults to a directory."""
        directory.mkdir(exist_ok=True)
        for number, fault in enumerate(self.kinds):
            (directory / f"{self.target}-{number}").write_bytes(fault.data)


def results(count: int, seed: int, names: Sequence[str] = ()) -> Iterator[Result]:
    """Yield the results of some targets, by default of all, in a directory of their own."""
    with tempfile.TemporaryDirectory(prefix="inputs-") as name:
        directory = Path(name)
        inputs = Inputs(directory, seed)
        with python_targets(directory) as targets:
            for one in names or [*targets, *BASH_TARGETS]:
                began = _cpu_seconds()
                if one in targets:
                    with _quiet():
                        faults, done = [*inputs.faults(targets[one], count)], count
                else:
                    faults, done = BASH_TARGETS[one](directory, count, seed)
                seconds = _cpu_seconds() - began
                yield Result(one, done, len(faults), tuple(_kinds(faults)), seconds)


def _cpu_seconds() -> float:
    return sum(os.times()[:4])


def _kinds(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Return the shortest input of each kind."""
    kinds: dict[str, Fault] = {}
    for fault in sorted(faults, key=lambda fault: len(fault.data)):
        kinds.setdefault(_kind(fault), fault)
    return iter(kinds.values())


def _kind(fault: Fault) -> str:
    """Return what is the same for faults of one kind: where it happened and the type."""
    lines = fault.reason.strip().splitlines()
    places = [line for line in lines if line.startswith("  File")]
    return f"{fault.target} {places[-1:]} {lines[-1].partition(':')[0]}"
