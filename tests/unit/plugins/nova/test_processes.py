"""Nova's processes: which there are, and the order in which they start."""

from pathlib import Path

import pytest

from doitstack.services.services import Services
from doitstack.stack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.libvirt import node
from doitstack_plugins.nova import cells, conf, processes
from doitstack_plugins.nova.plugin import plugin as nova
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.plugins.nova.stacks import make_nova
from tests.unit.recorded_actions import RecordedActions

pytestmark = pytest.mark.usefixtures("no_fork_server")


def test_processes_by_service_and_cell(tmp_path: Path) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2", NOVA_CPU_CELL="2")
    daemons = (*processes.control_daemons(stack), *processes.compute_daemons(stack))
    cell = ("nova.conf", "nova_cell2.conf")
    assert {daemon.name: daemon.files for daemon in daemons} == {
        "n-super-cond": ("nova.conf",),
        "n-cond-cell1": ("nova.conf", "nova_cell1.conf"),
        "n-cond-cell2": ("nova.conf", "nova_cell2.conf"),
        "n-sch": ("nova.conf",),
        "n-cpu-1": (*cell, "nova-cpu.conf", "nova_cpu1.conf"),
        "n-cpu-2": (*cell, "nova-cpu.conf", "nova_cpu2.conf"),
    }


def test_daemons_take_work_if_their_queue_has_a_consumer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", NUMBER_FAKE_NOVA_COMPUTE="2", NOVA_CPU_CELL="2")
    used = {("conductor.vm", ""), ("conductor.vm", "nova_cell1"), ("compute.vm1", "nova_cell2")}

    def consumers(stack: Stack, queue: str, vhost: str) -> int | None:
        return 1 if (queue, vhost) in used else None

    monkeypatch.setattr(processes.readiness.rabbit_queues, "consumers", consumers)
    monkeypatch.setattr(Services, "started", lambda *_: 0)
    assert {name: takes_work() for name, takes_work in nova.takes_work(stack).items()} == {
        "n-super-cond": True,
        "n-cond-cell1": True,
        "n-cond-cell2": False,
        "n-sch": False,
        "n-cpu-1": True,
        "n-cpu-2": False,
    }


def test_computes_of_guests_are_told_where_these_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_guests(tmp_path)
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])
    monkeypatch.setattr(node, "sockets", lambda _: Path("/proc/1/net/tcp"))
    [compute] = processes.compute_daemons(stack)
    in_node, python, program, sockets = processes._words(stack, compute)
    assert (in_node, Path(python).name, sockets) == ("in-node", "python", "/proc/1/net/tcp")
    assert program.endswith("doitstack_compute.py")


def test_computes_start_after_the_conductors_that_they_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, done = make_nova(tmp_path), []
    monkeypatch.setattr(stack, "run_process", lambda name, *_, **__: done.append(name))
    monkeypatch.setattr(processes, "wait_until_served", lambda *_: done.append("answers"))
    for wait in ("wait_for_queues", "wait_for_services"):
        add = lambda _, topics, wait=wait: done.append([wait, *topics])  # noqa: E731
        monkeypatch.setattr(processes.readiness, wait, add)
    monkeypatch.setattr(processes, "_wait_until_ready", lambda _: done.append("ready"))
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
        processes.start_nova(stack)
    started = ["n-api", "n-api-meta", "n-cond-cell1", "n-sch"]
    assert done == [
        *(*started, "answers", ["wait_for_queues", "n-cond-cell1", "n-sch"], "n-cpu-1"),
        *(["wait_for_services", "n-cond-cell1", "n-sch"], "ready"),
    ]


def test_api_that_runs_answers_by_new_code_before_all_but_conductors_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, done = make_nova(tmp_path), []
    monkeypatch.setattr(Services, "is_up", lambda _, name: name == "n-api")
    monkeypatch.setattr(Environment, "code_to_run", lambda _: "new code")
    monkeypatch.setattr(stack, "run_process", lambda name, *_, **__: done.append(name))
    monkeypatch.setattr(stack, "stop_process", lambda *names, wait: done.append((wait, *names)))
    monkeypatch.setattr(processes, "wait_until_served", lambda *_: done.append("answers"))
    monkeypatch.setattr(processes.readiness, "wait_for_queues", lambda *_: None)
    monkeypatch.setattr(processes.readiness, "wait_for_services", lambda *_: None)
    monkeypatch.setattr(processes, "_wait_until_ready", lambda _: None)
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
        processes.start_nova(stack)
    asked_to_end = (False, "n-cond-cell1", "n-sch", "n-cpu-1")
    assert done[:4] == [asked_to_end, "n-api", "n-cond-cell1", "answers"]
    assert list(dict.fromkeys(done[4:])) == [
        *("n-api", "n-api-meta", "n-cond-cell1", "n-sch", "answers", "n-cpu-1"),
    ]


def test_guests_are_forgotten_with_their_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, done = make_guests(tmp_path), []
    monkeypatch.setattr(stack, "stop_process", lambda *names: done.append(names))
    monkeypatch.setattr(processes.libvirt, "forget_guests", lambda _: done.append("forgotten"))
    monkeypatch.setattr(processes.mariadb, "database_id", lambda *_: "first")
    processes._forget_other_guests(stack)
    processes._forget_other_guests(stack)
    assert done == [("n-cpu-1",), "forgotten"]
    monkeypatch.setattr(processes.mariadb, "database_id", lambda *_: "second")
    processes._forget_other_guests(stack)
    assert done[2:] == [("n-cpu-1",), "forgotten"]
    assert (stack.data_dir / "nova" / "compute1" / "instances").is_dir()


@pytest.mark.parametrize(
    ("text", "are_forks"),
    [
        ("", True),
        ("concurrency_backend = eventlet\n", False),
        ("# concurrency_backend = eventlet\n", True),
    ],
)
def test_processes_are_forks_unless_they_are_to_have_green_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, are_forks: bool
) -> None:
    stack, environs = make_nova(tmp_path), []
    monkeypatch.setattr(stack, "run_process", lambda *_, env, **__: environs.append(env))
    monkeypatch.setattr(processes, "wait_until_served", lambda *_: None)
    monkeypatch.setattr(processes.readiness, "wait_for_queues", lambda *_: None)
    monkeypatch.setattr(processes.readiness, "wait_for_services", lambda *_: None)
    monkeypatch.setattr(processes, "_wait_until_ready", lambda _: None)
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
        with (conf.conf_dir(stack) / conf.API).open("a") as file:
            file.write(text)
        processes.start_nova(stack)
    assert [cells.ENVIRON.items() <= env.items() for env in environs] == [are_forks] * 5


@pytest.mark.parametrize("more", [{"ENABLED_SERVICES": "n-cpu", "SERVICE_HOST": "192.0.2.1"}, {}])
def test_computes_are_forks_on_subnodes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]
) -> None:
    stack = make_nova(tmp_path, **more)
    with stack.acting(RecordedActions(lambda program: None)):
        nova.configure(stack)
    forks = [one.name for one in processes.compute_daemons(stack) if processes._is_fork(stack, one)]
    assert forks == ["n-cpu-1"]
