"""The runner, with steps that run in no time and futures that the test ends."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from doit.control import TaskControl
from doit.dependency import Dependency, JsonDB
from doit.task import Task
from doit.tools import run_once

from doitstack.engine.doit_runner import FutureRunner
from doitstack.errors import FutureError, StepError
from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.phases import SETTINGS_PHASES, Phase
from doitstack.planning.doit_tasks import CLEANUP, plan_tasks, stack_tasks
from doitstack.planning.plan import Declared, Plan, PlannedStep, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.possible_futures import FutureNames
from doitstack.processes.signals import Interrupted
from doitstack.steps import Step, async_run, async_wait, run
from tests.unit.fake_run import FakeRun


def act(stack: object) -> None:
    """Stand for an action."""


def plan_of(phase: Phase, *steps: Step) -> Plan:
    others = FutureNames(frozenset({"nobody"}))
    return make_plan([Declared(phase, Plugin("demo", ""), steps)], lambda: others)


class Reporter:
    """Keeps what doit and the runner report."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None

    def add_failure(self, task: Task, failure: Any) -> None:
        self.failures.append(f"{task.name}: {failure.get_msg().strip()}")


class Engine(FakeRun):
    """Runs plans: it is the executor of its runner.

    `fails` has the steps that fail. A future ends, with its code in `codes`, a moment after its
    start, unless it is in `held`. `during` has what happens while a step runs.
    """

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.futures = FutureRegistry(self.context)
        self.failed_future = ""
        self.hosts = None
        self.reporter = Reporter()
        self.ran: list[str] = []
        self.fails: set[str] = set()
        self.codes: dict[str, int] = {}
        self.held: set[str] = set()
        self.refused: set[str] = set()
        self.during: dict[str, Callable[[], object]] = {}
        self.stopped = 0
        self.killed = 0

    # -- the executor ------------------------------------------------------------------------------

    def run_step(self, planned: PlannedStep, arguments: object = ()) -> None:
        self.ran.append(planned.step.name)
        self.during.get(planned.step.name, lambda: None)()
        if planned.step.name in self.fails:
            raise StepError("no luck")

    def start_future(self, planned: PlannedStep) -> Future:
        name = planned.step.name
        if name in self.refused:
            raise FutureError(name, "is already started")
        future = self.futures.declare(name, name, task=planned.task, rank=0.0)
        future.declare_time = 0.0  # before the times in its job file
        self.futures.start_when_possible(future, lambda: self._begin(future))
        return future

    def _begin(self, future: Future) -> None:
        self.ran.append(f"+{future.name}")
        self.futures.runs(future, 7, 1.0)
        if future.name not in self.held:
            self.soon(lambda: self.end(future.name))

    def end(self, name: str) -> None:
        future = self.futures.table.find(name)
        assert future
        self.record_end(name, self.codes.get(name, 0))
        self.ran.append(f"-{name}")
        self.futures.ended(future, self.codes.get(name, 0))

    def stop_futures(self) -> None:
        self.stopped += 1
        self.futures.is_closed = True

    def kill_futures(self) -> None:
        self.killed += 1

    def close_task(self, name: str) -> None:
        self.ran.append(name)
        if name == CLEANUP:
            self.futures.collector.when_rest_collected()

    # -- a run -------------------------------------------------------------------------------------

    def run(
        self, *steps: Step, own: tuple[Task, ...] = (), select: str = "stack", **how: Any
    ) -> int:
        """Run a stack of these steps; return doit's exit code."""
        settings = make_plan([])
        tasks = [task for phase in SETTINGS_PHASES for task in plan_tasks(phase.task, settings)]

        def main() -> list[Task]:
            return list(stack_tasks(plan_of(Phase.INSTALL, *steps)))

        control = TaskControl([*tasks, *main(), *own])
        control.process([select])
        executor: Any = self
        self.runner = FutureRunner(
            executor,
            Dependency(JsonDB, str(self.directory / "db.json")),
            self.reporter,
            make_main_tasks=main,
            close=self.close_task,
            **how,
        )
        code: int = self.runner.run_all(control)
        return code

    @property
    def steps(self) -> list[str]:
        """The steps that have run, without the closing tasks."""
        closing = {CLEANUP, "service_check", "async_timing"}
        return [name for name in self.ran if name not in closing]

    def ends(self) -> dict[str, str]:
        """Return how the steps ended, by the journal."""
        return {
            event["task"].rpartition(":")[2]: event.get("status", event["event"])
            for event in self.events
            if event["event"] in {"step_end", "step_skipped", "step_not_run"}
        }


MakeEngine = Callable[..., Engine]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    made: list[Engine] = []

    def make(**options: Any) -> Engine:
        made.append(Engine(tmp_path, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.close()


def test_steps_run_in_order_and_futures_meanwhile(make_engine: MakeEngine) -> None:
    engine = make_engine()
    code = engine.run(
        run(act, name="one"),
        async_run("a", act),
        async_run("b", act, wait=["a"]),
        run(act, name="two"),
        async_wait("b", "a"),
        run(act, name="three"),
    )
    assert code == 0
    assert engine.steps == ["one", "+a", "two", "-a", "+b", "-b", "three"]
    assert engine.ran[-3:] == [CLEANUP, "service_check", "async_timing"]
    assert engine.futures.table.uncollected() == []


def test_future_starts_during_a_step_once_what_it_needs_has_ended(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.held = {"b"}
    engine.during["two"] = lambda: (
        engine.context.loop.run_until(lambda: "+b" in engine.ran) and None
    )
    engine.during["three"] = lambda: engine.end("b")
    code = engine.run(
        async_run("a", act),
        async_run("b", act, wait=["a"]),
        run(act, name="two"),
        run(act, name="three"),
        async_wait("b"),
    )
    assert code == 0
    assert engine.steps == ["+a", "two", "-a", "+b", "three", "-b"]


def test_serial_run_has_the_order_of_the_plan(make_engine: MakeEngine) -> None:
    engine = make_engine(parallel=False)
    assert (
        engine.run(
            async_run("b", act, wait=["a"]),
            async_run("a", act),
            run(act, name="one"),
            async_run("c", act),
            async_wait("c", "b"),
        )
        == 0
    )
    assert engine.steps == ["+a", "-a", "+b", "-b", "one", "+c", "-c"]


def test_failed_step_stops_the_run(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.fails = {"two"}
    assert engine.run(run(act, name="one"), run(act, name="two"), run(act, name="three")) == 1
    assert engine.steps == ["one", "two"]
    assert engine.ends() == {"one": "done", "two": "failed", "three": "step_not_run"}
    assert engine.reporter.failures == ["stack:install:demo:two: no luck"]
    assert engine.stopped == 1
    assert engine.ran[-3:] == [CLEANUP, "service_check", "async_timing"]


def test_failed_future_ends_the_wait_before_its_turn(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.held, engine.codes = {"a"}, {"b": 7}
    code = engine.run(
        async_run("a", act), async_run("b", act), async_wait("a", "b"), run(act, name="two")
    )
    assert code == 1
    start = engine.log.lines.index("<b.log>")
    assert engine.log.lines[start : start + 3] == [
        "<b.log>",
        "[Async b:7]: finished b with result 7 in 1 seconds",
        "Stopping async wait due to error: a b",
    ]
    assert engine.reporter.failures == ["stack:install:demo:b: future b: failed with rc 7"]
    assert "two" not in engine.ran


def test_failure_during_a_step_is_shown_after_it_and_the_step_keeps_its_futures(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine(jobs=1)
    engine.codes = {"bad": 3}
    shown: list[bool] = []

    def step() -> None:
        loop, futures = engine.context.loop, engine.futures
        loop.run_until(lambda: "-bad" in engine.ran)
        own = futures.declare("own", "own")
        futures.start_when_possible(own, lambda: engine._begin(own))
        futures.pump()
        futures.collector.wait_until_over(futures.collector.when_collected(["own"]))
        shown.append("<bad.log>" in engine.log.lines)

    engine.during["step"] = step
    code = engine.run(
        async_run("bad", act), run(act, name="step"), async_wait("bad"), async_run("never", act)
    )
    assert code == 1
    assert engine.steps == ["+bad", "step", "-bad", "+own", "-own"]
    assert shown == [False]
    assert "<bad.log>" in engine.log.lines
    assert engine.ends() == {
        "step": "done", "async_wait-bad": "step_not_run", "never": "step_not_run"
    }  # fmt: skip


def test_failed_unawaited_future_does_not_fail_the_run(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.codes = {"a": 3}
    assert engine.run(async_run("a", act), run(act, name="one")) == 0
    assert "WARNING: uncollected async future a" in engine.log.lines


def test_future_that_cannot_be_declared_fails_the_run(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.refused = {"a"}
    assert engine.run(async_run("a", act), run(act, name="one"), run(act, name="two")) == 1
    assert engine.reporter.failures == ["stack:install:demo:a: future a: is already started"]
    assert engine.ends()["a"] == "failed"
    assert "two" not in engine.ran


def test_checks_all_run_before_one_stops_the_run(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.fails = {"look-1", "look-3"}
    looks = [run(act, name=f"look-{number}", only_looks=True) for number in (1, 2, 3)]
    assert engine.run(*looks, run(act, name="start")) == 1
    assert engine.steps == ["look-1", "look-2", "look-3"]
    assert len(engine.reporter.failures) == 2


def test_what_is_up_to_date_is_skipped_and_not_waited_for(make_engine: MakeEngine) -> None:
    steps = (
        run(act, name="one", uptodate=[run_once]),
        async_run("a", act, uptodate=[run_once]),
        async_run("b", act),
        async_wait("a", "b"),
    )
    assert make_engine().run(*steps) == 0
    engine = make_engine()
    assert engine.run(*steps) == 0
    assert engine.steps == ["+b", "-b"]
    assert not [line for line in engine.log.lines if line.startswith("Not waiting")]
    assert make_engine().run(*steps, always=True) == 0


def test_unknown_future_is_named_when_its_turn_in_the_wait_has_come(
    make_engine: MakeEngine,
) -> None:
    engine = make_engine()
    assert engine.run(async_run("a", act), async_wait("nobody", "a")) == 0
    assert any(line.startswith("Not waiting for async task nobody") for line in engine.log.lines)


def test_run_that_keeps_going_reports_what_was_not_run(make_engine: MakeEngine) -> None:
    engine = make_engine(keep_going=True)
    engine.fails = {"one"}
    mine = Task("mine", [lambda: None])
    code = engine.run(
        run(act, name="one"),
        run(act, name="two"),
        own=(mine, Task("all", None, task_dep=["mine", "stack"])),
        select="all",
    )
    assert code == 2
    assert engine.reporter.failures[0] == "stack:install:demo:one: no luck"
    assert engine.reporter.failures[1].startswith("stack:install:demo:two: ")


def test_interrupt_stops_the_futures_and_runs_the_closing_tasks(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.held = {"a"}
    engine.during["one"] = lambda: engine.context.loop.interrupt(Interrupted(2))
    code = engine.run(async_run("a", act), run(act, name="one"), run(act, name="two"))
    assert code == 130
    assert engine.runner.interrupted
    assert (engine.steps, engine.stopped, engine.killed) == (["+a", "one"], 1, 0)
    assert engine.ran[-3:] == [CLEANUP, "service_check", "async_timing"]
    assert engine.ends() == {"one": "done", "two": "step_not_run"}


def test_second_interrupt_kills_the_futures_even_while_the_first_is_reported(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    loop = engine.context.loop
    engine.held = {"a"}
    engine.during["one"] = lambda: loop.interrupt(Interrupted(2))
    monkeypatch.setattr(RunContext, "say", lambda *_: loop.interrupt(Interrupted(2)))
    assert engine.run(async_run("a", act), run(act, name="one")) == 130
    assert engine.killed == 1


def test_thousands_of_futures_do_not_nest(make_engine: MakeEngine) -> None:
    engine = make_engine(jobs=2)
    names = [f"f{number}" for number in range(300)]
    assert engine.run(*(async_run(name, act) for name in names), async_wait(*names)) == 0
    assert engine.futures.table.uncollected() == []
