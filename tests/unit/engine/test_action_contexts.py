"""The operations of actions on the main line and in a future."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doitstack.engine.action_contexts import FutureContext, MainLineContext, act_in_future
from doitstack.errors import CommandError, FutureError, StepError
from doitstack.futures.registry import FutureRegistry
from doitstack.phases import Phase
from doitstack.stack import Stack
from tests.unit.fake_run import FakeRun
from tests.unit.recorded_actions import RecordedActions


class Session:
    """Keeps what is run in which phase."""

    def __init__(self) -> None:
        self.commands: list[tuple[Phase, str]] = []

    def use(self, phase: Phase, work: Any) -> None:
        work(self)
        self.commands[-1] = (phase, self.commands[-1][1])

    def run(self, text: Any) -> None:
        self.commands.append((Phase.CLEAN, text()))


@pytest.fixture
def run(tmp_path: Path) -> Iterator[FakeRun]:
    made = FakeRun(tmp_path)
    yield made
    made.close()


@pytest.fixture
def stack() -> Stack:
    settings: Any = None
    return Stack(settings)


def main_line(run: FakeRun, stack: Stack) -> MainLineContext:
    session: Any = Session()
    programs: Any = None
    futures = FutureRegistry(run.context)
    return MainLineContext(run.context, stack, futures, session, programs, began=5.0)


def test_hook_can_do_nothing(stack: Stack) -> None:
    for act in (
        lambda: stack.say("x"),
        lambda: stack.run(["true"]),
        lambda: stack.async_wait("a"),
        lambda: stack.async_run("a", print),
    ):
        with pytest.raises(StepError, match="a hook declares steps"):
            act()
    with pytest.raises(StepError, match="a hook declares steps"), stack.timed("x"):
        pytest.fail("the block runs")


def test_context_lasts_as_long_as_its_block(stack: Stack) -> None:
    outer, inner = (RecordedActions(lambda program: None) for _ in range(2))
    with stack.acting(outer):
        with stack.acting(inner):
            stack.say("inside")
        stack.say("outside")
        with stack.timed("nova"):
            pass
    assert (outer.said, inner.said, outer.components) == (["outside"], ["inside"], ["nova"])
    with pytest.raises(StepError):
        stack.say("after")


def test_main_line_runs_shell_commands_in_the_phase_of_its_step(run: FakeRun, stack: Stack) -> None:
    context = main_line(run, stack)
    context.at(Phase.EXTRA).shell("greet")
    assert context.session.commands == [(Phase.EXTRA, "greet")]  # type: ignore[attr-defined]
    assert context.at(Phase.EXTRA).began == 5.0


def test_main_line_shows_lines_warns_and_records(run: FakeRun, stack: Stack) -> None:
    context = main_line(run, stack)
    context.say("hello")
    context.warn("careful")
    context.warn("careful")
    context.took("nova", 1.25)
    assert run.log.lines == ["hello", "WARNING: careful"]
    assert run.context.warnings == ["careful"]
    assert [(event["event"], event.get("milliseconds")) for event in run.events] == [
        ("warning", None),
        ("time", 1250),
    ]


def test_main_line_waits_for_futures(run: FakeRun, stack: Stack) -> None:
    context = main_line(run, stack)
    future = context.futures.declare("a", "do a")
    context.futures.start_when_possible(future, lambda: context.futures.runs(future, 7, 1.0))
    context.futures.pump()
    run.record_end("a", 4)
    run.soon(lambda: context.futures.ended(future, 4))
    with stack.acting(context), pytest.raises(FutureError, match="failed with rc 4"):
        stack.async_wait("a", "b")
    assert run.log.lines[-1] == "Stopping async wait due to error: a b"


def test_what_an_action_calls_is_interrupted_only_where_it_waits(
    run: FakeRun, stack: Stack
) -> None:
    context, loop = main_line(run, stack), run.context.loop

    def act() -> None:
        with loop.interruptible(), loop.shielded():
            loop.interrupt(KeyboardInterrupt())
            context.say("whole")
            context.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        act()
    assert run.log.lines == ["whole"]


def test_future_prints_runs_programs_and_records(
    run: FakeRun, stack: Stack, capfd: pytest.CaptureFixture[str]
) -> None:
    def action() -> str:
        stack.say("hello")
        stack.warn("careful")
        stack.sleep(0)
        stack.run(["sh", "-c", "echo program"])
        with stack.timed("nova"):
            pass
        with pytest.raises(CommandError):
            stack.run(["false"])
        return f"began {stack.context.began}"

    with stack.acting(main_line(run, stack)):
        assert act_in_future(stack, "a", action) == "began 5.0"
    assert capfd.readouterr().out.splitlines() == ["hello", "WARNING: careful", "program"]
    assert [event["event"] for event in run.events] == ["time"]
    assert run.log.lines == []


def test_warning_of_a_future_may_be_an_error(run: FakeRun, stack: Stack) -> None:
    context = replace(run.context, warnings_as_errors=True)
    main = replace(main_line(run, stack), run_context=context)
    with stack.acting(main), pytest.raises(StepError, match=r"^careful$"):
        act_in_future(stack, "a", lambda: stack.warn("careful"))


def test_future_leaves_to_the_main_line_what_is_its_own(stack: Stack) -> None:
    with stack.acting(FutureContext("a", RecordedActions(lambda program: None))):
        for verb, act in {
            "shell": lambda: stack.shell("x"),
            "async_run": lambda: stack.async_run("b", print),
            "async_wait": lambda: stack.async_wait("b"),
        }.items():
            with pytest.raises(FutureError, match=f"future a: {verb} belongs to the main line"):
                act()
