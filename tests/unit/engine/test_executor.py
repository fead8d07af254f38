"""Steps and futures of a run, with a session and a program runner of the test's own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doitstack.config.settings import load_settings
from doitstack.engine.executor import Executor
from doitstack.errors import CommandError, FutureError, StepError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.registry import FutureRegistry
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, PlannedStep, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.scripts import Script
from doitstack.scheduling.scheduler import Task, TaskKind
from doitstack.stack import Stack
from doitstack.steps import Step, async_run, run, shell
from tests.unit.fake_run import FakeRun


class Session:
    """An owner of a session that runs nothing; its bash is itself."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self.ran: list[Any] = []
        self.error: StepError | None = None
        self.is_closed = False

    def use(self, phase: Phase, work: Callable[["Session"], None]) -> None:
        self.phases.append(phase)
        work(self)

    def run(self, text: Callable[[], str]) -> None:
        self.ran.append(text())
        if self.error:
            raise self.error

    def source(self, path: Path, arguments: Any, trace: Path, *, goes_on: bool) -> None:
        self.ran.append((path.name, arguments, trace.name, goes_on))

    def start_future(self, phase: Phase, future: Future, command: str) -> None:
        self.ran.append((phase, future.name, command))

    def busy(self) -> list[Any]:
        return []

    def close(self) -> None:
        self.is_closed = True


class Run(FakeRun):
    """A run with an executor."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.stack = Stack(load_settings(directory, {}))
        self.futures = FutureRegistry(self.context)
        self.session = Session()
        session: Any = self.session
        self.executor = Executor(self.context, self.stack, self.futures, session)

    def step(self, step: Step, *words: str) -> None:
        self.executor.run_step(planned(step), words)


def planned(step: Step, phase: Phase = Phase.EXTRA) -> PlannedStep:
    return make_plan([Declared(phase, Plugin("demo", ""), [step])]).steps[0]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "stack.log").touch()
    made = Run(tmp_path)
    log: Any = made.log
    log.capture = made.context.loop.shielded  # pytest has the output
    yield made
    made.close()


def test_callable_gets_the_stack_its_arguments_and_the_words(here: Run) -> None:
    calls: list[Any] = []

    def act(stack: Stack, *words: str) -> None:
        calls.append((stack, words))
        stack.say("said")

    here.step(run(act, "one"), "two")
    assert calls == [(here.stack, ("one", "two"))]
    assert here.log.lines == ["said"]


def test_stack_acts_only_while_a_step_runs(here: Run) -> None:
    here.step(run(lambda stack: stack.say("inside"), name="a"))
    with pytest.raises(StepError, match="a hook declares steps"):
        here.stack.say("outside")
    with here.executor.acting():
        here.stack.say("between steps")
    assert here.log.lines == ["inside", "between steps"]


def test_shell_commands_and_scripts_go_to_the_session(here: Run) -> None:
    here.step(run(shell("echo a"), name="a"))
    script = run(Script(Path("/x/50-s.sh"), ("stack", "extra")), name="s")
    trace = here.executor.traces / "stack:extra:demo:s.log"
    trace.parent.mkdir(parents=True)
    trace.write_text("of an earlier run")
    here.step(script)
    assert here.session.ran == [
        "echo a",
        ("50-s.sh", ("stack", "extra"), trace.name, False),
    ]
    assert here.session.phases == [Phase.EXTRA, Phase.EXTRA]
    assert not trace.exists()


@pytest.mark.parametrize(
    ("has_place", "message"), [(False, "50-demo.py:9: no luck"), (True, "no luck")]
)
def test_error_of_a_command_that_is_in_no_script_names_the_place_of_its_step(
    here: Run, has_place: bool, message: str
) -> None:
    error = StepError("no luck")
    error.has_place = has_place
    here.session.error = error
    step = replace(run(shell("exit 3"), name="a"), place="50-demo.py:9")
    for _ in range(2):  # the session gives the same error to the next command
        with pytest.raises(StepError) as raised:
            here.step(step)
        assert str(raised.value) == message


@pytest.mark.parametrize(
    ("error", "future"),
    [
        (CommandError("a.sh:3: it failed", 4, "async_wait a"), "a"),
        (CommandError("a.sh:3: it failed", 4, "false"), ""),
        (FutureError("a", "failed with rc 4"), "a"),
        (StepError("no luck"), ""),
    ],
)
def test_step_that_failed_in_a_wait_names_its_future(
    here: Run, error: StepError, future: str
) -> None:
    def act(stack: Stack) -> None:
        here.futures.collector.failed = "a"
        raise error

    here.futures.collector.failed = "earlier"
    with pytest.raises(StepError):
        here.step(run(act))
    assert here.executor.failed_future == future


def test_running_step_and_futures_are_named_with_their_times(here: Run) -> None:
    lines: list[str] = []
    future = here.futures.declare("b", "do b")
    here.futures.start_when_possible(
        future, lambda: here.futures.runs(future, 7, here.context.journal.now())
    )
    here.futures.pump()
    here.step(run(lambda stack: lines.append(here.executor.still_running()), name="a"))
    log = here.directory / "b.log"
    assert [re.sub(r"\d+ s", "N s", line) for line in lines] == [
        f"... still running: demo: a (N s), b (N s, {log})"
    ]
    here.record_end("b", 0)
    here.futures.ended(future, 0)
    assert here.executor.still_running() == ""


def due(here: Run, step: Step) -> PlannedStep:
    """Return a future of the plan that may start."""
    future = planned(step)
    here.context.scheduler.add(Task(future.task, TaskKind.FUTURE, rank=3.0))
    assert here.context.scheduler.next_due()
    return future


def test_future_of_bash_is_left_to_the_session(here: Run) -> None:
    step = due(here, async_run("a", shell("make all"), lock="apt"))
    future = here.executor.start_future(step)
    assert (future.task, future.lock, future.command) == (step.task, "apt", "make all")
    assert here.session.ran == [(Phase.EXTRA, "a", "make all")]
    with pytest.raises(FutureError, match="already started and not collected"):
        here.executor.start_future(step)


def test_future_of_python_runs_in_a_child_as_a_future(here: Run) -> None:
    def act(stack: Stack, word: str) -> tuple[str, str]:
        return (word, type(stack.context).__name__)

    future = here.executor.start_future(due(here, async_run("a", act, "x")))
    assert here.context.loop.run_until(lambda: future.has_ended, 0) is False
    here.futures.pump()
    here.context.loop.run_until(lambda: future.has_ended)
    assert future.value == ("x", "FutureContext")


def test_futures_are_stopped_and_named(here: Run) -> None:
    future = here.executor.start_future(due(here, async_run("a", ["sleep", "1000"])))
    here.futures.pump()
    here.executor.stop_futures()
    assert future.state is FutureState.ENDED
    assert future.code != 0
    assert here.log.lines[-1] == "Stopped async future a"
    with pytest.raises(FutureError, match="the run is being stopped"):
        here.futures.submit("b", "b", lambda: None)


def test_end_of_the_session_is_the_owners(here: Run) -> None:
    here.executor.end_session()
    assert here.session.is_closed
