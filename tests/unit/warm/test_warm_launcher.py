"""What a plugin asks for: a program run by its server, which is started for it."""

import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from doitstack import warm
from doitstack.errors import CommandError
from doitstack.processes.program import Program
from doitstack.services.services import ServiceState
from doitstack.warm import launcher
from tests.unit.plugin_stage import Stage

from .conftest import Tool, plain_environment, until


def run(program: Program) -> None:
    done = subprocess.run(
        list(map(str, program.argv)), env={**os.environ, **(program.env or {})}, check=False
    )
    if done.returncode:
        raise CommandError("failed", done.returncode)


@pytest.fixture
def kept(cold: Tool) -> Iterator[Tool]:
    """A tool whose server supervisor keeps, on a stage where programs do run."""
    cold.environment.stamp.write_text("made")
    try:
        with cold.stack.on_stage(Stage(run)):
            yield cold
    finally:
        cold.stack.services.stop_all()


def status(tool: Tool) -> tuple[ServiceState, int | None]:
    (one,) = tool.stack.services.status()
    assert one.name == "warm-tool"
    return one.state, one.pid


def test_a_call_waits_for_the_server_that_it_starts(kept: Tool, tmp_path: Path) -> None:
    env = {"MARK": "given"}
    warm.call(kept.stack, kept.program, "write", tmp_path / "out", env=env)
    assert (tmp_path / "out").read_text() == "True given"
    assert "left to the real command" not in kept.stack.services.log("warm-tool").read_text()


def test_calls_at_once_share_one_server(kept: Tool, tmp_path: Path) -> None:
    def call(number: int) -> int | None:
        warm.call(kept.stack, kept.program, "write", tmp_path / str(number))
        return status(kept)[1]

    with ThreadPoolExecutor(6) as pool:
        servers = set(pool.map(call, range(6)))
    assert len(servers) == 1
    assert [(tmp_path / str(n)).read_text() for n in range(6)] == ["True None"] * 6


def test_a_call_that_fails_is_told(kept: Tool) -> None:
    with pytest.raises(CommandError) as caught:
        warm.call(kept.stack, kept.program, "exit", "3")
    assert caught.value.code == 3


def test_a_server_that_cannot_start_leaves_it_to_the_program(kept: Tool, tmp_path: Path) -> None:
    (kept.bin / "tool").write_text("#!/bin/sh\nprintf plain >$2\n")
    (kept.bin / "python").unlink()
    warm.call(kept.stack, kept.program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "plain"


def test_a_module_that_is_missing_leaves_it_to_the_program(kept: Tool, tmp_path: Path) -> None:
    program = warm.Program(kept.environment, "tool", preload=("nosuch", "fake_tool"))
    warm.call(kept.stack, program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "False None"
    assert "No module named 'nosuch'" in kept.stack.services.log("warm-tool").read_text()


def test_a_package_that_is_missing_is_none(kept: Tool, tmp_path: Path) -> None:
    program = warm.Program(kept.environment, "tool", preload=("nosuch.*", "fake_tool"))
    warm.call(kept.stack, program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "True None"


def test_without_warmth_the_program_runs(
    kept: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher, "_SYSTEM_CALLS", {"pdp11": ()})
    warm.call(kept.stack, kept.program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "False None"
    assert not (kept.stack.dest / "supervisor").exists()


def test_the_end_of_an_idle_server_is_no_death(kept: Tool) -> None:
    began = time.time() - 10
    program = warm.Program(kept.environment, "tool", preload=("fake_tool",), idle=1)
    warm.call(kept.stack, program, "exit", "0")
    until(lambda: status(kept)[0] is ServiceState.EXITED)
    assert kept.stack.services.deaths(began) == {}


def test_what_imports_say_is_said_by_each_call(cold: Tool) -> None:
    (cold.bin / "fake_tool.py.talks").touch()
    cold.start()
    for words in (("exit", "0"), ("lines", "2"), ("words",)):
        mine, real = cold.both(*words)
        assert mine == real
        assert mine[2].startswith("ü deprecated\n".encode())
    assert "deprecated" in cold.log.read_text()


def test_what_imports_set_is_set_in_each_call(cold: Tool) -> None:
    (cold.bin / "fake_tool.py.talks").touch()
    cold.start()
    mine, real = cold.both("state")
    assert mine == real
    assert b'"SET_AT_IMPORT": "by the tool"' in mine[1]
    env = plain_environment(SET_AT_IMPORT="by the caller")
    assert not cold.is_warm(env=env)
    assert b'"SET_AT_IMPORT": "by the caller"' in cold.run("state", env=env).stdout


def test_to_look_whether_it_answers_is_not_worth_a_line(kept: Tool) -> None:
    warm.call(kept.stack, kept.program, "exit", "0")
    assert kept.stack.services.log("warm-tool").read_text() == "warm\n"
