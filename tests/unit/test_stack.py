"""The stack as plugins see it: what it gives to its context, and what it takes from there."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doitstack.config.settings import load_settings
from doitstack.errors import CommandError, FutureError, StepError
from doitstack.stack import Stack
from tests.unit.recorded_actions import RecordedActions
from tests.unit.source_repository import make_repository

NO_SERVICE = """
import sys
from pathlib import Path
import doitstack.cli.run, doitstack.engine.closing_tasks
from doitstack.config.settings import load_settings
from doitstack.stack import Stack
print(Stack(load_settings(Path(sys.argv[1]), {})).dead_services())
print(*{"xmlrpc", "http.client", "psutil"} & sys.modules.keys())
"""


class Futures(RecordedActions):
    """A context whose futures end with `code`."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(lambda program: None)
        self.code = code
        self.started: list[tuple[str, str, dict[str, Any]]] = []
        self.waits: list[tuple[str, ...]] = []

    def async_run(self, name: str, command: str, action: Any, **how: Any) -> Any:
        self.started.append((name, command, how))
        return action

    def async_wait(self, *names: str) -> int:
        self.waits.append(names)
        return self.code


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(load_settings(tmp_path, {"DEST": str(tmp_path / "dest")}))


def test_directories_come_from_the_settings(stack: Stack, tmp_path: Path) -> None:
    assert (stack.top_dir, stack.dest) == (tmp_path, tmp_path / "dest")
    assert stack.data_dir == Path(stack.settings["DATA_DIR"])
    assert stack.log_dir == Path(stack.settings["LOGDIR"])


@pytest.mark.parametrize("verb", ["say", "warn", "shell"])
def test_hook_does_nothing_itself(stack: Stack, verb: str) -> None:
    with pytest.raises(StepError, match=r"a hook declares steps .*: yield run\(\.\.\.\)"):
        getattr(stack, verb)("text")


def test_context_is_the_innermost_one(stack: Stack) -> None:
    outer, inner = Futures(), Futures()
    with stack.acting(outer):
        with stack.acting(inner):
            stack.say("inside")
        with pytest.raises(ZeroDivisionError), stack.acting(inner):
            raise ZeroDivisionError
        stack.warn("outside")
    assert (outer.said, inner.said) == (["WARNING: outside"], ["inside"])
    with pytest.raises(StepError):
        stack.say("nowhere")


def test_run_gives_the_program_to_the_context(stack: Stack, tmp_path: Path) -> None:
    context = Futures()
    with stack.acting(context):
        stack.run(["cat", tmp_path], env={"A": "1"}, cwd=tmp_path, stdin=b"in")
    (program,) = context.programs
    assert [str(word) for word in program.argv] == ["cat", str(tmp_path)]
    assert (program.env, program.cwd, program.stdin) == ({"A": "1"}, tmp_path, b"in")


@pytest.mark.parametrize(
    "act",
    [
        lambda stack: stack.run_process("a", "sleep 9"),
        lambda stack: stack.shell(""),
        lambda stack: stack.sleep("1"),
        lambda stack: stack.async_run("a", ["ls"]),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused(
    stack: Stack, act: Callable[[Stack], object]
) -> None:
    with stack.acting(Futures()), pytest.raises(TypeError):
        act(stack)


def test_whatever_is_said_is_text(stack: Stack) -> None:
    context = Futures()
    with stack.acting(context):
        stack.say(3)  # type: ignore[arg-type]
    assert context.said == ["3"]


def test_output_of_returns_text_or_raises(stack: Stack) -> None:
    assert stack.output_of(["cat"], stdin=b"text\n") == "text\n"
    with pytest.raises(CommandError, match="false"):
        stack.output_of(["false"])


def test_time_is_recorded_even_if_the_block_fails(stack: Stack) -> None:
    context = Futures()
    with stack.acting(context):
        with stack.timed("dbsync"):
            pass
        with pytest.raises(ZeroDivisionError), stack.timed("osc"):
            raise ZeroDivisionError
    assert context.components == ["dbsync", "osc"]


def test_future_gets_the_stack_and_its_arguments(stack: Stack) -> None:
    def build(stack: Stack, *words: str) -> tuple[Stack, tuple[str, ...]]:
        return stack, words

    context = Futures()
    with stack.acting(context):
        action: Any = stack.async_run("a", build, "x", "y", lock="disk", timeout=9)
    assert context.started == [("a", "build x y", {"lock": "disk", "timeout": 9})]
    assert action() == (stack, ("x", "y"))


def test_wait_raises_the_code_of_the_first_failure(stack: Stack) -> None:
    context = Futures()
    with stack.acting(context):
        stack.async_wait("a", "b")
        context.code = 4
        with pytest.raises(FutureError, match="failed with rc 4; its log is above") as raised:
            stack.async_wait("c")
    assert context.waits == [("a", "b"), ("c",)]
    assert raised.value.code == 4


def test_stack_without_services_does_not_load_their_supervisor(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NO_SERVICE, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "{}\n\n"


def test_needed_service_that_was_never_started_is_dead(stack: Stack) -> None:
    with stack.acting(Futures()):
        assert list(stack.dead_services("a")) == ["a"]
        (stack.dest / "supervisor").mkdir(parents=True)
        assert stack.dead_services() == {}


def test_trees_keep_their_state_during_a_run(stack: Stack) -> None:
    assert stack.trees == ()
    make_repository(stack.dest / "keystone")
    stack.settings.update({"LIBS_FROM_GIT": "nova"})
    keystone, nova = stack.trees
    assert (keystone.project, nova.project) == ("keystone", "nova")
    state = keystone.state
    stack.settings.update({"LIBS_FROM_GIT": ""})
    assert stack.trees == (keystone,)
    assert stack.trees[0].state is state
