"""OVN's daemons: their order, what they run from, and what is forgotten."""

from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.ovn import between_hosts, daemons, datapath, namespace, outside
from doitstack_plugins.ovn.places import root
from tests.unit.plugins.ovn.stacks import give_programs, make_ovn
from tests.unit.recorded_actions import RecordedActions


class Machine:
    """Programs that all succeed, and services that are recorded."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self.services: dict[str, dict[str, str]] = {}
        self.commands: dict[str, str] = {}
        self.stopped: list[str] = []
        self.actions = RecordedActions(lambda program: None)
        ok = dict.fromkeys(("ovsdb-client", "ovn-nbctl", "ip"), "exit 0")
        convert = {"ovsdb-tool": "echo yes"}
        give_programs(monkeypatch, stack.top_dir / "bin", **ok, **convert)
        monkeypatch.setattr(namespace, "start", self._hold)
        monkeypatch.setattr(outside, "connect", lambda stack: None)
        monkeypatch.setattr(datapath, "kernel_has_one", lambda: False)
        monkeypatch.setattr(daemons, "is_connected", lambda stack: True)
        monkeypatch.setattr(stack, "run_process", self._serve)
        monkeypatch.setattr(stack, "stop_process", lambda *names: self.stopped.extend(names))

    def _hold(self, stack: Stack) -> None:
        root(stack).mkdir(parents=True, exist_ok=True)
        (root(stack) / "holder").write_text("123 net:[4]\n")
        (root(stack) / "enter").write_text('#!/bin/sh\nexec "$@"\n')
        (root(stack) / "enter").chmod(0o700)

    def _serve(self, name: str, argv: list[str], *, env: dict[str, str], wait: bool) -> None:
        self.services[name] = env
        self.commands[name] = " ".join(map(str, argv))

    def start(self) -> list[str]:
        """Start all, and return the commands that ran."""
        with self.stack.acting(self.actions):
            daemons.start(self.stack)
        return [" ".join(map(str, one.argv)) for one in self.actions.programs]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(make_ovn(tmp_path), monkeypatch)


def test_daemons_start_in_order_and_keep_to_their_directory(machine: Machine) -> None:
    machine.start()
    assert tuple(machine.services) == daemons.DAEMONS
    own = str(root(machine.stack))
    for environ in machine.services.values():
        assert {environ[f"OVS_{kind}"] for kind in ("RUNDIR", "LOGDIR", "DBDIR")} == {own}


def test_the_node_is_described_before_its_switch_starts(machine: Machine) -> None:
    (described,) = [line for line in machine.start() if "set Open_vSwitch" in line]
    assert '"vm1"' in described
    assert 'external_ids:ovn-bridge-mappings="public:br-ex"' in described
    assert "other_config:userspace-tso-enable=true" in described


def test_another_network_restarts_what_is_in_it(machine: Machine) -> None:
    machine.start()
    before = daemons.generation(machine.stack)
    (root(machine.stack) / "holder").write_text("124 net:[5]\n")
    assert daemons.generation(machine.stack) != before


def test_databases_are_kept_until_neutrons_is_another(machine: Machine) -> None:
    machine.start()
    for name in ("nb", "sb"):
        (root(machine.stack) / f"{name}.db").touch()
    machine.start()
    assert (root(machine.stack) / "nb.db").exists()
    (root(machine.stack) / "neutron").write_text("another")
    machine.start()
    assert not (root(machine.stack) / "nb.db").exists()
    assert {"ovn-northd", "ovsdb-server-nb", "ovsdb-server-sb"} <= set(machine.stopped)


def test_databases_follow_the_schema_of_a_newer_package(machine: Machine) -> None:
    machine.start()
    path = root(machine.stack) / "nb.db"
    path.touch()
    commands = machine.start()
    assert f"ovsdb-tool convert {path} /usr/share/ovn/ovn-nb.ovsschema" in commands


def test_all_end_with_the_network(machine: Machine) -> None:
    daemons.stop(machine.stack)
    assert set(machine.stopped) == {*daemons.DAEMONS, "ovn-hosts", namespace.HOLDER}


def test_values_are_quoted_for_ovsdb() -> None:
    assert daemons._quoted('a"b\\c') == '"a\\"b\\\\c"'


def make_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **environ: str) -> Machine:
    machine = Machine(make_ovn(tmp_path, **environ), monkeypatch)
    monkeypatch.setattr(between_hosts, "connect", lambda stack: None)
    return machine


def test_databases_listen_for_other_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"HOST_IP": "192.0.2.1", "SERVICE_HOST": "127.0.0.1"}
    machine = make_machine(tmp_path, monkeypatch, **there)
    machine.start()
    assert "--remote=ptcp:6641:127.0.0.1 " in machine.commands["ovsdb-server-nb"]
    assert "--remote=ptcp:6642:127.0.0.1 " in machine.commands["ovsdb-server-sb"]
    assert "ptcp" not in machine.commands["ovsdb-server"]
    assert not machine.commands["ovn-controller"].startswith(str(root(machine.stack)))


def test_subnode_uses_the_databases_of_its_controller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = {"ENABLED_SERVICES": "ovn-controller", "SERVICE_HOST": "192.0.2.1"}
    machine = make_machine(tmp_path, monkeypatch, **services)
    (described,) = [line for line in machine.start() if "set Open_vSwitch" in line]
    assert tuple(machine.services) == ("ovsdb-server", "ovs-vswitchd", "ovn-controller")
    assert 'external_ids:ovn-remote="tcp:192.0.2.1:6642"' in described
    assert 'external_ids:ovn-cms-options=""' in described
