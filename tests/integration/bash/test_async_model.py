"""The futures of bash against a model in Python: the same calls, the same words, codes and files.

Scripts are generated; each runs alone on the library, and some of them in the session of a run.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doitstack.cli.shell_library import LIBRARY
from tests.conftest import MakeStackDir
from tests.integration.bash.scripts import said
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

NAMES = ("a", "b.c", "d-1")
TEXTS = ("", "one", "two\nlines", "no end")


@dataclass(frozen=True)
class Call:
    """One call of a script: a verb, the names, and for a start what the future does."""

    verb: str
    names: tuple[str, ...]
    code: int = 0
    text: str = ""

    def bash(self) -> str:
        """Return the call as a script has it, followed by its code."""
        if self.verb == "async_wait":
            command = " ".join((self.verb, *self.names))
        else:
            kind = "" if self.verb == "async_run" else "func"
            work = f"work {self.code} '{self.text}'"
            # async_runfunc calls the function of the future's own name.
            command = (
                f"async_runfunc {self.names[0]}" if kind else f"async_run {self.names[0]} {work}"
            )
            define = f"function {self.names[0]} {{ {work}; }}; " if kind else ""
            command = define + command
        return f"{command} && echo code 0 || echo code $?"

    @property
    def command(self) -> str:
        """The future's command, as notices show it."""
        if self.verb == "async_runfunc":
            return self.names[0]
        words = f"work {self.code} {self.text}"
        return words if "\n" not in words else f"$'{words}'".replace("\n", "\\n")


@dataclass
class Model:
    """What the futures do: `lines` is what the main line shows."""

    in_session: bool = False
    lines: list[str] = field(default_factory=list)
    open: dict[str, Call] = field(default_factory=dict)

    def run(self, calls: list[Call]) -> None:
        for call in calls:
            code = self._wait(call.names) if call.verb == "async_wait" else self._start(call)
            self.lines.append(f"code {code}")
        for name in sorted(self.open):
            self.lines.append(f"WARNING: uncollected async future {name}")
            # The main process collects without an async_wait.
            if self._collect(name) and not self.in_session:
                self.lines.append(f"Stopping async wait due to error: {name}")

    def _start(self, call: Call) -> int:
        name = call.names[0]
        if name in self.open:
            return 1
        self.open[name] = call
        self.lines.append(f"[Async {name}]: running: {call.command}")
        return 0

    def _wait(self, names: tuple[str, ...]) -> int:
        for name in names:
            if code := self._collect(name):
                self.lines.append(f"Stopping async wait due to error: {' '.join(names)}")
                return code
        return 0

    def _collect(self, name: str) -> int:
        call = self.open.pop(name, None)
        if call is None:
            self.lines.append(
                f"Not waiting for async task {name} that we never started or has already been "
                f"waited for"
            )
            return 0
        others = len(self.open)
        self.lines += [
            f"[Async {name}]: Waiting for completion of {call.command} "
            f"({others} other jobs running)",
            *call.text.splitlines(),
            f"[Async {name}]: finished {call.command} with result {call.code} in N seconds",
        ]
        return call.code


def starts() -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        st.sampled_from(["async_run", "async_runfunc"]),
        st.tuples(st.sampled_from(NAMES)),
        st.sampled_from([0, 0, 0, 1, 7, 127]),
        st.sampled_from(TEXTS),
    )


def waits() -> st.SearchStrategy[Call]:
    names = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
    return st.builds(Call, st.just("async_wait"), names.map(tuple))


CALLS = st.lists(st.one_of(starts(), waits()), min_size=1, max_size=7)

WORK = r"""
work() {
    [[ -z $2 ]] || printf '%s\n' "$2"
    return "$1"
}
"""


def script(calls: list[Call]) -> str:
    return WORK + "\n".join(call.bash() for call in calls) + "\n"


def notices(lines: list[str]) -> list[str]:
    """Return the lines without what differs from run to run, and without what ends at any time."""
    text = re.sub(r"(\[Async [\w.-]+):\d+\]", r"\1]", "\n".join(lines))
    text = re.sub(r"in \d+ seconds", "in N seconds", text)
    ended = re.compile(r".*\]: (finished successfully|FAILED with rc \d+)$")
    return [line for line in text.splitlines() if not ended.match(line)]


def in_blocks(lines: list[str]) -> list[str]:
    """Sort the warnings of async_cleanup: their order is not defined."""
    first = next((i for i, line in enumerate(lines) if line.startswith("WARNING")), len(lines))
    blocks = "\n".join(uncounted(lines[first:])).split("WARNING")
    return lines[:first] + sorted(block.strip() for block in blocks if block)


def uncounted(lines: list[str]) -> list[str]:
    """Return the lines without how many other futures still run, which is a matter of time."""
    return [re.sub(r"\(\d+ other", "(N other", line) for line in lines]


def logs_of(calls: list[Call]) -> set[str]:
    return {f"{call.names[0]}.log" for call in calls if call.verb != "async_wait"}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(CALLS)
def test_futures_outside_a_session_agree_with_the_model(calls: list[Call]) -> None:
    model = Model()
    model.run(calls)
    with TemporaryDirectory() as scratch:
        done = subprocess.run(
            ["bash", "-c", f'source "{LIBRARY}"\nasync_init\n{script(calls)}async_cleanup\n'],
            env={"PATH": os.environ["PATH"], "DEST": scratch},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=250,
            check=True,
        )
        assert in_blocks(notices(done.stdout.splitlines())) == in_blocks(model.lines)
        assert set(os.listdir(Path(scratch) / "async")) == logs_of(calls)


def examples(count: int) -> list[list[Call]]:
    found: list[list[Call]] = []

    @settings(max_examples=count, deadline=None, database=None, derandomize=True)
    @given(CALLS)
    def collect(calls: list[Call]) -> None:
        found.append(calls)

    collect()
    return found


def test_futures_in_a_session_agree_with_the_model(stack_dir: MakeStackDir) -> None:
    # One run for all: each example is a script that collects what it has left.
    stack = stack_dir({"extras.d/README": ""})
    expected: list[str] = []
    for number, calls in enumerate(examples(20), start=10):
        model = Model(in_session=True)
        model.run(calls)
        expected += [f"example {number}", *in_blocks(model.lines)]
        body = f"echo example {number}\n{script(calls)}async_cleanup"
        text = f'if [[ "$2" == install ]]; then\n{body}\nfi\n'
        (stack.path / "extras.d" / f"{number}-demo{number}.sh").write_text(text)
    lines = notices(said(stack.run("stack").ok()))
    lines = [line for line in lines if not line.startswith("ERROR: ")]
    assert uncounted(in_examples(lines)) == uncounted(expected)
    logs = {path.name for path in (stack.dest / "async").iterdir() if path.name[0] != "."}
    assert logs == set().union(*map(logs_of, examples(20)))


def in_examples(lines: list[str]) -> list[str]:
    ordered: list[str] = []
    part: list[str] = []
    for line in [*lines, "example"]:
        if line.startswith("example"):
            ordered += in_blocks(part)
            part = []
            ordered.append(line)
        else:
            part.append(line)
    return ordered[:-1]


def test_log_of_a_name_used_again_is_that_of_the_last_future(stack_dir: MakeStackDir) -> None:
    hooks = plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(twice)

        def twice(stack):
            for text in ("one", "two"):
                stack.async_run("job", print_it, text)
                stack.async_wait("job")

        def print_it(stack, text):
            print(text)
    """)
    outcome = stack_dir({"extras.d/50-demo.py": hooks}).run("stack").ok()
    assert [line for line in outcome.lines if line in ("one", "two")] == ["one", "two"]
