"""The owner of the bash session: its futures and requests, with a session that runs nothing."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from doitstack.bash.protocol import Answer
from doitstack.bash.session_owner import SessionOwner
from doitstack.config.settings import load_settings
from doitstack.errors import StepError
from doitstack.futures.future import Future, FutureState
from doitstack.futures.registry import FutureRegistry
from doitstack.phases import Phase
from doitstack.stack import Stack
from tests.unit.fake_run import FakeRun, closed_at_the_end

Then = Callable[[StepError | None], None]


class FakeSession:
    """Commands wait here until the test lets them run."""

    def __init__(self) -> None:
        self.pid = 99
        self.is_busy = True
        self.is_alive = True
        self.has_ended = False
        self.is_closed = False
        self.queue: list[tuple[Callable[[], str], Then]] = []
        self.ran: list[str] = []
        self.known: dict[str, str] = {}

    def post(self, text: Callable[[], str], then: Then = lambda _: None) -> None:
        self.queue.append((text, then))

    def run(self, text: Callable[[], str]) -> None:
        self.idle()
        self.ran.append(text())

    def idle(self) -> None:
        """Run what waits."""
        while self.queue:
            text, then = self.queue.pop(0)
            self.ran.append(text())
            then(None)

    def changes(self, variables: Mapping[str, str]) -> str:
        return ""

    def hide(self, secrets: object) -> None:
        pass

    def variables(self) -> dict[str, str]:
        return self.known

    def close(self) -> None:
        self.is_closed = True


class Run(FakeRun):
    """A run with an owner of a fake session."""

    def __init__(self, directory: Path, **options: int) -> None:
        super().__init__(directory, **options)
        environ = {"DEST": str(directory / "dest"), "ENABLED_SERVICES": ","}
        self.stack = Stack(load_settings(directory, environ))
        for name in ("ADMIN", "SERVICE", "DATABASE", "RABBIT"):
            self.stack.settings.default(f"{name}_PASSWORD", "x")
        self.futures = FutureRegistry(self.context)
        self.session = FakeSession()
        made: Any = lambda _place, _owner: self.session  # noqa: E731 - for the type
        self.owner = SessionOwner(self.context, self.stack, self.futures, list, made)
        self.answers: list[Answer] = []

    def planned(self, name: str, *, rank: float = 0.0) -> Future:
        future = self.futures.declare(name, f"run {name}", rank=rank)
        self.owner.start_future(Phase.INSTALL, future, f"run {name}")
        return future

    def request(self, verb: str, *arguments: str) -> None:
        self.owner.request(verb, arguments, self.answers.append)

    def end(self, name: str, rc: int = 0) -> None:
        future = self.futures.table.find(name)
        assert future
        self.record_end(name, rc)
        self.futures.ended(future, None)


MakeRun = Callable[..., Run]


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[MakeRun]:
    with closed_at_the_end(Run, tmp_path) as make:
        yield make


def test_session_is_prepared_once_and_before_its_first_command(make_run: MakeRun) -> None:
    run = make_run()
    run.session.known = {"FROM_SCRIPT": "yes"}
    for _ in range(2):
        run.owner.use(Phase.INSTALL, lambda session: session.run(lambda: "work"))
    ran = [text for text in run.session.ran if text]
    assert ran == ['builtin source "$_doitstack_home/project_defaults.sh"', "work", "work"]
    assert run.stack.settings["FROM_SCRIPT"] == "yes"


def test_override_defaults_comes_before_the_projects_defaults(make_run: MakeRun) -> None:
    run = make_run()
    run.owner.use(Phase.OVERRIDE_DEFAULTS, lambda session: session.run(lambda: "early"))
    run.owner.use(Phase.SOURCE, lambda session: session.run(lambda: "late"))
    ran = [text for text in run.session.ran if text]
    assert ran == ["early", 'builtin source "$_doitstack_home/project_defaults.sh"', "late"]


def test_future_of_the_plan_is_forked_once_the_session_is_free(make_run: MakeRun) -> None:
    run = make_run()
    future = run.planned("a")
    assert future.state is FutureState.DECLARED
    run.session.idle()
    assert run.session.ran[-1] == "_async_planned a '' 'run a'"
    assert future.state is FutureState.STARTING
    future.declare_time = 0.0
    run.owner.async_started("a", os.getpid(), 2500, "run a")
    assert (future.state, future.pid, future.start_time) == (FutureState.RUNNING, os.getpid(), 2.5)


def test_future_without_a_slot_waits_at_its_gate(make_run: MakeRun) -> None:
    run = make_run(jobs=1)
    run.planned("a")
    future = run.planned("b")
    run.session.idle()
    gate = run.directory / ".b.gate"
    assert run.session.ran[-1] == f"_async_planned b {gate} 'run b'"
    assert gate.is_fifo()
    run.owner.async_started("a", os.getpid(), 1000, "run a")
    run.owner.async_started("b", os.getpid(), 1000, "run b")
    assert future.state is FutureState.QUEUED
    run.end("a")
    assert future.state is FutureState.RUNNING
    run.end("b")
    assert not gate.exists()


def test_future_that_is_cancelled_before_the_fork_is_not_forked(make_run: MakeRun) -> None:
    run = make_run()
    assert run.planned("a").cancel()
    run.session.idle()
    assert run.session.ran[-1] == ""


def test_end_of_the_session_fails_what_it_has_not_forked(make_run: MakeRun) -> None:
    run = make_run()
    future = run.planned("a")
    run.session.idle()
    run.owner.session_ended()
    assert future.failure() == "future a: cannot be started: the bash session has ended"


def test_fork_that_fails_fails_the_future(make_run: MakeRun) -> None:
    run = make_run()
    future = run.planned("a")
    *_, (_, then) = run.session.queue
    then(StepError("no shell"))
    assert future.failure() == "future a: cannot be started: no shell"


def test_serial_future_of_a_script_runs_in_the_shell(make_run: MakeRun) -> None:
    run = make_run(parallel=False)
    run.request("async_declare", "a", "run a", "", "")
    run.owner.async_started("a", 0, 1000, "run a")
    future = run.futures.table.find("a")
    assert future
    assert future.state is FutureState.RUNNING
    run.record_end("a", 3)
    run.owner.async_ended("a", 3)
    assert future.rc == 3
    assert run.answers == [Answer(0, "", "")]


# -- requests --------------------------------------------------------------------------------------


def test_wait_is_answered_once_all_is_collected(make_run: MakeRun) -> None:
    run = make_run()
    for name in "ab":
        run.request("async_declare", name, f"run {name}", "", "")
        run.owner.async_started(name, os.getpid(), 1000, "")
    run.request("async_wait", "a", "b")
    assert run.answers == [Answer(), Answer()]
    run.end("a")
    assert len(run.answers) == 2
    run.end("b", 4)
    assert run.answers[2:] == [Answer(4)]
    assert run.log.lines[-1] == "Stopping async wait due to error: a b"


def test_cleanup_is_answered_once_the_rest_is_collected(make_run: MakeRun) -> None:
    run = make_run()
    run.request("async_declare", "a", "run a", "", "")
    run.owner.async_started("a", os.getpid(), 1000, "")
    run.request("async_cleanup")
    assert len(run.answers) == 1
    run.end("a", 1)
    assert run.answers[1:] == [Answer()]


def test_mistake_is_the_answer(make_run: MakeRun) -> None:
    run = make_run()
    run.request("async_declare", "../a", "run a", "", "")
    assert run.answers[0].code == 1
    assert run.answers[0].err.startswith("ERROR: future ../a: bad name")


def test_run_that_stops_answers_no_other_request(make_run: MakeRun) -> None:
    run = make_run()
    run.futures.stop_all(list)
    run.request("async_wait", "a")
    assert run.answers == [Answer(1)]
    run.owner.async_started("late", 7, 1000, "")
    assert run.futures.table.find("late") is None


def test_close_ends_the_session(make_run: MakeRun) -> None:
    run = make_run()
    run.owner.close()
    run.owner.use(Phase.INSTALL, lambda session: None)
    run.owner.close()
    assert run.session.is_closed


def test_teardown_starts_another_session_if_one_has_ended(make_run: MakeRun) -> None:
    run = make_run()
    options = replace(run.context.options, tears_down=True)
    context = replace(run.context, options=options)
    sessions = [FakeSession(), FakeSession()]
    left = iter(sessions)
    made: Any = lambda _place, _owner: next(left)  # noqa: E731 - for the type
    owner = SessionOwner(context, run.stack, run.futures, list, made)
    owner.use(Phase.UNSTACK, lambda session: session.run(lambda: "first"))
    sessions[0].has_ended = True
    owner.use(Phase.UNSTACK, lambda session: session.run(lambda: "second"))
    assert sessions[0].is_closed
    defaults = 'builtin source "$_doitstack_home/project_defaults.sh"'
    assert [text for text in sessions[1].ran if text] == [defaults, "second"]
