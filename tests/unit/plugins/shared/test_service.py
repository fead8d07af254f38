"""What every service has: its hooks, its names, its files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack import Stack, warm
from doitstack.errors import DoitstackError, ServiceError
from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import Service, named
from tests.unit.recorded_actions import RecordedActions, make_stack


class Tides(Service):
    name = "tides"
    services = ("tides-api", "tides-moon")
    requirements = ("tides-server",)
    needs = ("key", "rabbit")
    manage = "tides-manage"

    def checks(self, stack: Stack) -> Iterator[Check]:
        def flooded() -> None:
            raise ServiceError("the harbour is flooded")

        yield flooded

    def stop(self, stack: Stack) -> None:
        stack.say("stopped")


tides = Tides()


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    etc = str(tmp_path / "etc")
    return make_stack(tmp_path, ENABLED_SERVICES="key,tides-api", TIDES_CONF_DIR=etc)


def test_check_names_all_obstacles_together(stack: Stack) -> None:
    with pytest.raises(DoitstackError) as raised:
        tides.check(stack)
    assert "tides-api needs rabbit;" in str(raised.value)
    assert "the harbour is flooded" in str(raised.value)


def test_installation_is_a_future_that_may_be_up_to_date(stack: Stack) -> None:
    (step,) = tides.stack_install(stack)
    assert (step.name, step.waits) == ("install_tides", tuple(venvs.installs_after(stack)))
    (current,) = step.doit["uptodate"]
    assert not current()


def test_install_offers_the_program_that_migrates(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []
    monkeypatch.setattr(venvs, "install", lambda stack, environment: done.append(environment))
    monkeypatch.setattr(warm, "offer", lambda stack, program: done.append(program.name))
    tides.install(stack)
    assert done == [tides.environment(stack), "tides-manage"]
    monkeypatch.setattr(Tides, "needs_manager", lambda *_: False)
    tides.install(stack)
    assert done[2:] == [tides.environment(stack)]


class Currents(Tides):
    name = "currents"
    manage = ""
    parent_name = "currents-server"

    def parent(self, stack: Stack) -> warm.Program | None:
        return warm.Program(self.environment(stack), self.parent_name)


@pytest.mark.parametrize("code", ["", "code of a tree"])
def test_install_offers_the_program_of_which_processes_are_forks_unless_code_is_from_trees(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    done: list[object] = []
    monkeypatch.setattr(venvs, "install", lambda stack, environment: None)
    monkeypatch.setattr(Environment, "code_to_run", lambda _: code)
    monkeypatch.setattr(warm, "offer", lambda stack, program: done.append(program.name))
    Currents().install(stack)
    assert done == ([] if code else ["currents-server"])


def test_install_offers_no_program_if_there_is_none(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[object] = []
    monkeypatch.setattr(venvs, "install", lambda stack, environment: done.append(environment))
    monkeypatch.setattr(Tides, "manage", "")
    tides.install(stack)
    assert done == [tides.environment(stack)]


def test_files_are_named_after_the_service(stack: Stack, tmp_path: Path) -> None:
    assert tides.prefix == "TIDES"
    assert tides.environment(stack).path == stack.dest / "venvs" / "tides"
    assert tides.paths(stack) == (tmp_path / "etc", stack.data_dir / "tides")
    assert tides.manager(stack).environment == tides.environment(stack)


def test_remove_leaves_none_of_its_files(stack: Stack) -> None:
    paths = (*tides.paths(stack), tides.environment(stack).path)
    for path in paths[1:]:
        path.mkdir(parents=True)
    tides.remove(stack)
    assert [path for path in paths if path.exists()] == []


def test_remove_withdraws_a_program_of_which_only_an_earlier_configuration_had_forks(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tides, "parent_name", "currents-server")
    client = warm.client_path(stack, "currents-server")
    client.parent.mkdir(parents=True)
    client.touch()
    tides.remove(stack)
    assert not client.exists()


def test_stop_must_be_written(stack: Stack) -> None:
    with pytest.raises(NotImplementedError):
        Service().stop(stack)
    context = RecordedActions(lambda program: None)
    (step,) = tides.unstack(stack)
    assert (step.name, callable(step.action)) == ("stop_tides", True)
    with stack.acting(context):
        tides.stop(stack)
    assert context.said == ["stopped"]


def test_named_action_does_what_the_method_does(stack: Stack) -> None:
    calls: list[Stack] = []
    action = named("check_tides", calls.append)
    action(stack)
    assert (action.__name__, calls) == ("check_tides", [stack])
