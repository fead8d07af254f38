"""A plugin runs a program in its fork server, which is started for it."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import fork_server
from doitstack import warm
from doitstack.engine.cpu_usage import supervisord_pid
from doitstack.errors import CommandError, ServiceError
from doitstack.processes.program import Program
from doitstack.services.services import ServiceState, ServiceStatus
from doitstack.venvs import Environment
from tests.served_stack_tool import StackTool
from tests.served_tool import until
from tests.unit.recorded_actions import RecordedActions


def run(program: Program) -> None:
    done = subprocess.run(
        list(map(str, program.argv)), env={**os.environ, **(program.env or {})}, check=False
    )
    if done.returncode:
        raise CommandError("failed", done.returncode)


@pytest.fixture
def unserved(tmp_path: Path) -> Iterator[StackTool]:
    made = StackTool(tmp_path / "st'ack")
    yield made
    made.stack.services.stop_all()


@pytest.fixture
def kept(unserved: StackTool) -> Iterator[StackTool]:
    """A tool whose server supervisor keeps, on a stage where programs do run."""
    unserved.environment.stamp.write_text("made")
    with unserved.stack.acting(RecordedActions(run)):
        yield unserved


def status(tool: StackTool) -> tuple[ServiceState, int | None]:
    (one,) = tool.stack.services.status()
    assert one.name == "warm-tool"
    return one.state, one.pid


def test_a_call_waits_for_the_server_that_it_starts(kept: StackTool, tmp_path: Path) -> None:
    env = {"MARK": "given"}
    warm.call(kept.stack, kept.program, "write", tmp_path / "out", env=env)
    assert (tmp_path / "out").read_text() == "True given"
    assert "left to the real command" not in kept.stack.services.log("warm-tool").read_text()


def test_calls_at_once_share_one_server(kept: StackTool, tmp_path: Path) -> None:
    def call(number: int) -> int | None:
        warm.call(kept.stack, kept.program, "write", tmp_path / str(number))
        return status(kept)[1]

    with ThreadPoolExecutor(6) as pool:
        servers = set(pool.map(call, range(6)))
    assert len(servers) == 1
    assert [(tmp_path / str(n)).read_text() for n in range(6)] == ["True None"] * 6


def test_a_call_that_fails_raises(kept: StackTool) -> None:
    with pytest.raises(CommandError) as caught:
        warm.call(kept.stack, kept.program, "exit", "3")
    assert caught.value.code == 3


def test_a_server_that_cannot_start_leaves_it_to_the_program(
    kept: StackTool, tmp_path: Path
) -> None:
    (kept.bin / "tool").write_text("#!/bin/sh\nprintf plain >$2\n")
    (kept.bin / "python").unlink()
    warm.call(kept.stack, kept.program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "plain"


def test_a_module_that_is_missing_leaves_it_to_the_program(kept: StackTool, tmp_path: Path) -> None:
    program = warm.Program(kept.environment, "tool", preload=("nosuch", "fake_tool"))
    warm.call(kept.stack, program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "False None"
    assert "No module named 'nosuch'" in kept.stack.services.log("warm-tool").read_text()


def test_a_package_that_is_missing_is_none(kept: StackTool, tmp_path: Path) -> None:
    program = warm.Program(kept.environment, "tool", preload=("nosuch.*", "fake_tool"))
    warm.call(kept.stack, program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "True None"


def test_without_support_the_program_runs(
    kept: StackTool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "is_supported", lambda: False)
    warm.call(kept.stack, kept.program, "write", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "False None"
    assert not (kept.stack.dest / "supervisor").exists()


def test_the_end_of_an_idle_server_is_no_death(kept: StackTool) -> None:
    began = time.time() - 10
    program = warm.Program(kept.environment, "tool", preload=("fake_tool",), idle=1)
    warm.call(kept.stack, program, "exit", "0")
    until(lambda: status(kept)[0] is ServiceState.EXITED)
    assert kept.stack.services.deaths(began) == {}


def test_asking_whether_it_is_ready_leaves_no_line(kept: StackTool) -> None:
    warm.call(kept.stack, kept.program, "exit", "0")
    assert kept.stack.services.log("warm-tool").read_text() == "ready\n"


def test_offer_serves_under_the_stacks_supervisor(unserved: StackTool) -> None:
    unserved.environment.stamp.write_text("made")
    try:
        warm.offer(unserved.stack, unserved.program)
        until(unserved.socket.exists)
        assert unserved.is_served()
        warm.stop(unserved.stack, "tool")
        assert not unserved.socket.exists()
        assert unserved.run("served").stdout == b"False\n"
    finally:
        unserved.stack.services.stop_all()


def test_an_environment_that_is_missing_only_warns(
    unserved: StackTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(unserved.stack, "say", said.append)
    missing = warm.Program(Environment(unserved.stack.dest / "none", ()), "tool")
    try:
        warm.offer(unserved.stack, missing, wait=True)
    finally:
        unserved.stack.services.stop_all()
    assert "no server for tool" in said[0]


def daemon(tool: StackTool, *arguments: str) -> None:
    """Run a second program of the environment as the service `web`."""
    path = tool.bin / "second"
    path.write_text(Path(tool.real).read_text())
    path.chmod(0o755)
    words = warm.daemon(tool.stack, tool.program, "web", "second")
    tool.stack.run_process("web", [*words, *arguments], wait=False)


def one(tool: StackTool, name: str) -> ServiceStatus:
    return next(found for found in tool.stack.services.status() if found.name == name)


def logged(tool: StackTool, service: str = "web") -> str:
    log = tool.stack.services.log(service)
    return log.read_text() if log.exists() else ""


def test_a_daemon_is_a_fork_and_a_service_of_its_own(kept: StackTool) -> None:
    services = kept.stack.services
    daemon(kept, "wait")
    until(lambda: logged(kept))
    pid = int(logged(kept))
    assert "_fork_server" not in logged(kept)
    assert pid != one(kept, "web").pid
    assert pid in services.pids("web")
    assert pid not in services.pids("warm-tool")
    keeper = psutil.Process(pid).parent()
    assert keeper
    assert keeper.ppid() == supervisord_pid(kept.stack.dest / "supervisor")
    warm.stop(kept.stack, "tool")
    assert services.is_up("web")
    assert Path(f"/proc/{pid}/comm").read_text() == "second\n"
    services.stop("web")
    assert services.pids("web") == []
    assert not Path(f"/proc/{pid}").exists()


def test_a_daemon_whose_program_is_missing_says_so(kept: StackTool) -> None:
    words = warm.daemon(kept.stack, kept.program, "web", "nosuch")
    with pytest.raises(ServiceError) as raised:
        kept.stack.run_process("web", words)
    said = f"cannot run {kept.bin / 'nosuch'}: No such file or directory"
    assert logged(kept) == f"{said}\n"
    assert said in str(raised.value)


def test_a_server_whose_program_is_missing_says_so(kept: StackTool) -> None:
    Path(kept.real).unlink()
    warm.offer(kept.stack, kept.program)
    until(lambda: logged(kept, "warm-tool").endswith("\n"))
    said = f"cannot run {kept.real}: No such file or directory"
    assert set(logged(kept, "warm-tool").splitlines()) == {said}


def test_a_daemon_is_started_again_when_the_server_has_gone(kept: StackTool) -> None:
    daemon(kept, "served")
    until(lambda: logged(kept) == "True\n" and not kept.stack.services.is_up("web"))
    warm.stop(kept.stack, "tool")
    kept.stack.services.start_again("web", wait=False)
    until(lambda: logged(kept) == "True\nFalse\n")


def test_a_daemon_that_runs_starts_no_server(kept: StackTool) -> None:
    daemon(kept, "wait")
    until(lambda: logged(kept))
    warm.stop(kept.stack, "tool")
    daemon(kept, "wait")
    assert one(kept, "warm-tool").state is ServiceState.STOPPED
    assert logged(kept).count("\n") == 1


def test_a_daemon_of_a_source_tree_is_no_fork(
    kept: StackTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Environment, "code_to_run", lambda _: "of a tree")
    words = warm.daemon(kept.stack, kept.program, "web", "second")
    assert words == [str(kept.bin / "second")]


def test_a_daemon_that_supervisor_kills_leaves_no_process(kept: StackTool) -> None:
    daemon(kept, "wait")
    until(lambda: logged(kept))
    pid = int(logged(kept))
    supervised = one(kept, "web").pid
    assert supervised
    os.kill(supervised, signal.SIGKILL)
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert "does not run" in kept.stack.services.deaths(0)["web"]
