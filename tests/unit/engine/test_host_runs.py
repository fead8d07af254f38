"""Futures whose work is done on another host: what their processes do."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from doitstack.config.settings import load_settings
from doitstack.engine import host_runs
from doitstack.engine.host_runs import HostRuns
from doitstack.errors import StepError
from doitstack.futures.future import Future
from doitstack.futures.other_hosts import CHANNEL_VARIABLE
from doitstack.futures.registry import FutureRegistry
from doitstack.stack import Stack
from doitstack.steps import DoitOnHost, EndOnHost, Kind, Step
from tests.unit.fake_run import FakeRun


class Registry(FutureRegistry):
    """A registry that calls no action, but keeps it."""

    action: Any = None

    def fork_when_possible(self, future: Future, action: Any) -> None:
        self.action = action


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    run = FakeRun(tmp_path)
    yield Registry(run.context)
    run.close()


def start(top: Path, registry: Registry, action: Any) -> tuple[HostRuns, Future]:
    """Start a future on another host."""
    stack = Stack(load_settings(top, {"HOSTS": "one"}))
    runs = HostRuns(registry._run, stack, registry)
    step = Step(Kind.ASYNC_RUN, "name@one", action)
    future = registry.declare(step.name, step.command, is_elsewhere=True)
    runs.start(future, step, lambda work: work)
    return runs, future


@pytest.mark.parametrize(("command", "has_channel"), [("stack", True), ("unstack", False)])
def test_process_runs_doit_there_and_a_stack_has_a_channel(
    tmp_path: Path, registry: Registry, command: str, has_channel: bool
) -> None:
    runs, future = start(tmp_path, registry, DoitOnHost("one", command))
    work: partial[None] = registry.action()
    assert work.func is host_runs.doit_on_host
    _, host, words, channel = work.args
    assert (host.name, words, channel is not None) == ("one", (command,), has_channel)
    registry.ended_elsewhere(future, 0)
    runs.ends.close()


def test_end_elsewhere_is_awaited(tmp_path: Path, registry: Registry) -> None:
    _, future = start(tmp_path, registry, EndOnHost("name", "one"))
    assert "no run on one has begun" in future.failure()


def test_host_that_has_left_the_settings_is_an_error(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(StepError, match="there is no host two any more"):
        start(tmp_path, registry, DoitOnHost("two", "stack"))


def test_channel_of_the_controller_is_taken_from_the_environment(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHANNEL_VARIABLE, "")
    start(tmp_path, registry, EndOnHost("name", "one"))
    assert CHANNEL_VARIABLE not in host_runs.os.environ
