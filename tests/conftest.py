"""A stack directory to try things in, and a clean environment to do it from."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from doitstack.cli import COMMANDS as COMMAND_NAMES
from doitstack.cli import command_name
from tests.doit_server import served

TESTS = Path(__file__).parent
DOIT = str(Path(sys.executable).with_name("doit"))
CHECKOUT = TESTS.parent
SCREENSHOTS = CHECKOUT / "screenshots"
"""Where the browser's pictures stay, each until it is made again."""

ORDER = ("unit", "style", "e2e", "integration/test_ci_job.py", "integration")
"""The folders and files of tests in the order in which they run: first what fails soonest, and the
longest before the many short ones, so that all workers end at about the same time."""

_BEGAN = time.time()

WORKERS_PER_CORE = 2
"""Tests wait for half of their time, so one worker a core would leave the cores idle."""

OURS = (
    *("DEST", "DATA_DIR", "LOGDIR", "TOP_DIR", "ENABLED_SERVICES"),
    *("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"),
)

COMMANDS = "\n".join(
    (
        "[tool.doit]",
        'loader = "doitstack"',
        "[tool.doit.plugins.loader]",
        'doitstack = "doitstack.commands:Loader"',
        "[tool.doit.plugins.command]",
        *(f'{command_name(name)} = "doitstack.commands:{name}"' for name in COMMAND_NAMES),
        "",
    )
)


# Programs have none of the developer's settings of Python. Without bytecode each worker would
# compile all tests, each `doit` all of ours, and each service thousands of files. Workers have the
# width of the controller's terminal; tables would be cut for it.
sys.dont_write_bytecode = False
for name in [*os.environ]:
    if name == "COLUMNS" or name.startswith("PYTHON"):
        del os.environ[name]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return how many workers run the tests; none for single files, which start sooner without."""
    paths = [Path(name.partition("::")[0]).absolute() for name in config.args]
    if all(path.is_file() for path in paths):
        return 0
    return WORKERS_PER_CORE * len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by their folders."""
    items.sort(key=lambda item: _place(item.path.relative_to(TESTS)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say where the screenshots of this run are."""
    if any(path.stat().st_mtime >= _BEGAN for path in SCREENSHOTS.glob("*.png")):
        terminalreporter.write_line(f"screenshots are in {SCREENSHOTS}")


def _place(path: Path) -> int:
    """Return the place in ORDER of a file of tests."""
    return next(place for place, one in enumerate(ORDER) if path.is_relative_to(one))


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Start programs with all signals at their defaults, also where the test run ignores some.

    `nohup` and jobs in the background of scripts ignore signals, and every program inherits that.
    Programs do not inherit a handler, so one that does nothing keeps the test run itself as it was.
    """
    by_python = {signal.SIGPIPE, signal.SIGXFSZ}  # subprocess restores these itself
    for number in signal.valid_signals() - by_python:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


def clean_environment(**extra: str) -> dict[str, str]:
    """Return the environment without what a developer may have set for his own stacks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in OURS and not name.startswith(("DEVSTACK_", "ASYNC_", "DOIT", "OS_"))
    }
    return {**kept, **extra}


def user_caches() -> dict[str, str]:
    """Return the settings with which a stack with another HOME uses the developer's caches."""
    users = Path.home() / ".cache"
    defaults = {"UV_CACHE_DIR": str(users / "uv"), "DOITSTACK_CACHE_DIR": str(users / "doitstack")}
    return {name: os.environ.get(name) or default for name, default in defaults.items()}


@dataclass(frozen=True)
class Outcome:
    """How a `doit` command ended: its exit code, and stdout and stderr as they came."""

    code: int
    out: str
    directory: "StackDir"

    def ok(self) -> "Outcome":
        assert self.code == 0, self.out
        return self

    def failed(self, code: int) -> "Outcome":
        assert self.code == code, f"exit code {self.code}\n{self.out}"
        return self

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The events of the last run."""
        last = max((self.directory.dest / "logs" / "runs").glob("*.jsonl"))
        return [json.loads(line) for line in last.read_text().splitlines()]


class StackDir:
    """A stack directory of a test's own.

    program: what `run` runs: the command, or the client of its fork server.
    command: what `start` runs: the command.
    """

    program = DOIT
    command = DOIT

    def __init__(self, path: Path, files: dict[str, str], environ: dict[str, str]) -> None:
        self.path = path
        self.dest = path / ".stack"
        self.environ = environ
        self._started: list[subprocess.Popen[str]] = []
        path.mkdir(parents=True, exist_ok=True)
        for name, text in {
            "dodo.py": "from doitstack.dodo import *\n",
            "pyproject.toml": COMMANDS,
            **files,
        }.items():
            target = path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text))

    def run(self, *arguments: str, timeout: float = 250, **environ: str) -> Outcome:
        """Run `doit ARGUMENTS` to its end."""
        process = self._start(self.program, *arguments, **environ)
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
            pytest.fail(f"doit {' '.join(arguments)} took over {timeout} s:\n{out}")
        return Outcome(process.returncode, out, self)

    def start(self, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
        """Start `doit ARGUMENTS`, in a process group of its own as a terminal would."""
        return self._start(self.command, *arguments, **environ)

    def _start(self, *argv: str, **environ: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            argv,
            cwd=self.path,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
        # One that has ended would keep its output.
        self._started = [other for other in self._started if other.poll() is None] + [process]
        return process

    def clear_away(self) -> None:
        """End what a test that has failed left running."""
        for process in self._started:
            if process.poll() is None:
                with process:
                    os.killpg(process.pid, signal.SIGKILL)
        if (self.dest / "supervisor").exists():
            self.run("unstack")

    def log(self, name: str) -> str:
        return (self.dest / "async" / f"{name}.log").read_text()


MakeStackDir = Callable[..., StackDir]


@contextmanager
def stack_dirs(path: Path) -> Iterator[MakeStackDir]:
    """Yield a maker of stack directories below `path`; what is left of them is ended at the end.

    It takes files by name, and enables no service unless asked to.
    """
    made: list[StackDir] = []

    def make(
        files: dict[str, str] | None = None,
        *,
        services: str = ",",
        name: str = "stack",
        **environ: str,
    ) -> StackDir:
        directory = StackDir(
            path / name,
            files or {},
            clean_environment(ENABLED_SERVICES=services, **environ),
        )
        made.append(directory)
        return directory

    try:
        yield make
    finally:
        for directory in made:
            directory.clear_away()


@pytest.fixture
def stack_dir(tmp_path: Path) -> Iterator[MakeStackDir]:
    """Return a maker of stack directories of the test's own."""
    with stack_dirs(tmp_path) as make:
        yield make


@pytest.fixture(scope="session")
def doit_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a program that does what `doit` does, but sooner."""
    top = tmp_path_factory.mktemp("doit")
    stack = StackDir(top / "stack", {"extras.d/50-demo.sh": ":\n"}, clean_environment())
    environ = {**stack.environ, "ENABLED_SERVICES": ","}
    with served(DOIT, top, stack.path, environ) as client:
        yield client


@pytest.fixture(scope="module")
def served_runs(doit_client: str) -> Iterator[None]:
    """Let the runs of a module's stacks come from a fork server: see `doit_server`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StackDir, "program", doit_client)
        yield
