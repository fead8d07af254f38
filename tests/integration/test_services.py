"""Services of a stack, with real processes: listed, watched to the end of the run, stopped."""

import socket
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("served_runs")

HEAD = """\
import sys
import time

from doitstack import hookimpl, run
from doitstack.services.services import ServiceState


def wait_for(state, stack):
    while stack.services.status()[0].state is not state:
        time.sleep(0.02)

"""

MORTAL = (
    HEAD
    + """\
def serve(stack):
    script = "until [ -e $0 ]; do sleep 0.05; done; echo out of ideas; exit 3"
    stack.run_process("thinker", ["sh", "-c", script, stack.dest / "go"])


def go_on(stack):
    (stack.dest / "go").touch()
    wait_for(ServiceState.EXITED, stack)
    {after}


@hookimpl
def stack_extra(stack):
    yield run(serve)


@hookimpl
def stack_test_config(stack):
    yield run(go_on)
"""
)

LISTENER = (
    HEAD
    + """\
SCRIPT = "import socket; socket.create_server(('127.0.0.1', {port})).accept()"


def serve(stack):
    stack.run_process("web", [sys.executable, "-c", SCRIPT], wait=False)
    while not stack.services.ports():
        time.sleep(0.02)


@hookimpl
def stack_extra(stack):
    yield run(serve)
"""
)


def plugin(text: str, **values: object) -> dict[str, str]:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", str(value))
    return {"extras.d/50-demo.py": text}


def test_a_service_that_dies_fails_the_stack_with_the_end_of_its_log(
    stack_dir: MakeStackDir,
) -> None:
    outcome = stack_dir(plugin(MORTAL, after="pass")).run("stack").failed(1)
    assert "service thinker does not run (EXITED)" in outcome.out
    assert "thinker.log\nout of ideas\n" in outcome.out
    assert "services have died: thinker" in outcome.out
    assert "Traceback" not in outcome.out


def test_a_death_is_reported_if_another_step_fails_because_of_it(stack_dir: MakeStackDir) -> None:
    outcome = stack_dir(plugin(MORTAL, after="return False")).run("stack").failed(1)
    assert "go_on: the action returned False" in outcome.out
    assert "thinker.log\nout of ideas\n" in outcome.out


def test_a_death_of_an_earlier_run_is_none_of_this_one(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(plugin(MORTAL, after="pass"))
    stack.run("stack").failed(1)
    (stack.path / "extras.d" / "50-demo.py").unlink()
    stack.run("stack").ok()


def test_services_are_listed_with_state_pid_port_and_log(stack_dir: MakeStackDir) -> None:
    port = free_port()
    stack = stack_dir(plugin(LISTENER, port=port))
    assert stack.run("services").ok().out == "no services\n"
    stack.run("stack").ok()
    head, _, row = stack.run("services").ok().lines
    assert head.split() == ["service", "state", "pid", "port", "log"]
    log = (stack.dest / "logs" / "web.log").relative_to(stack.path)
    pid = row.split()[2]
    assert "create_server" in Path(f"/proc/{pid}/cmdline").read_text()
    assert row.split() in (
        ["web", "starting", pid, str(port), str(log)],
        ["web", "running", pid, str(port), str(log)],
    )
    stack.run("unstack").ok()
    assert stack.run("services").ok().out == "no services\n"


def test_a_script_does_not_wait_for_a_service_that_has_died(stack_dir: MakeStackDir) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
        script = f"""\
if [[ $1 == stack && $2 == extra ]]; then
    run_process thinker "/bin/sh -c 'sleep 1.5; echo out of ideas'"
    wait_for_service 600 {url}
fi
"""
        stack = stack_dir({"extras.d/60-demo.sh": script}, services="thinker")
        outcome = stack.run("stack").failed(1)
    assert "thinker.log\nout of ideas\n" in outcome.out
