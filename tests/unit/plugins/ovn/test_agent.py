"""Neutron's agent for OVN: its configuration, and when it serves."""

import socket
import stat
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.neutron.plugin import plugin as neutron
from doitstack_plugins.ovn import agent, namespace
from doitstack_plugins.ovn.places import agent_conf, root
from tests.unit.plugins.neutron.test_plugin import read
from tests.unit.plugins.ovn.stacks import make_ovn
from tests.unit.recorded_actions import RecordedActions


def configured(stack: Stack) -> Stack:
    with stack.acting(RecordedActions(lambda program: None)):
        agent.configure(stack)
    return stack


def test_configuration_is_private_and_complete(tmp_path: Path) -> None:
    stack = configured(make_ovn(tmp_path, METADATA_SERVICE_PORT="1234", SERVICE_HOST="[::1]"))
    path = agent_conf(stack)
    assert path == tmp_path / ".stack/data/neutron/etc/plugins/ml2/ovn_agent.ini"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    conf = read(path)
    assert conf["DEFAULT"]["host"] == "vm1"
    assert conf["DEFAULT"]["nova_metadata_host"] == "::1"
    assert conf["DEFAULT"]["nova_metadata_port"] == "1234"
    assert conf["agent"]["extensions"] == "metadata"


def test_helpers_enter_the_network(tmp_path: Path) -> None:
    stack = configured(make_ovn(tmp_path, DEST=str(tmp_path / "a b")))
    conf = read(agent_conf(stack))
    enter = f"'{namespace.enter(stack)}'"
    assert conf["agent"]["root_helper"] == f'"{enter}"'  # oslo.config takes the outer quotes off
    assert conf["privsep_link"]["helper_command"].startswith(f'"{enter} ')


def test_start_waits_until_the_agent_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".stack/neutron").mkdir(parents=True)
    (tmp_path / ".stack/neutron/pyproject.toml").touch()
    stack = configured(make_ovn(tmp_path))
    monkeypatch.chdir(tmp_path)
    (root(stack)).mkdir(parents=True)
    (root(stack) / "holder").write_text("123 net:[4]\n")
    monkeypatch.setattr(agent, "metadata_socket", lambda stack: Path("metadata"))
    with socket.socket(socket.AF_UNIX) as ended:  # of an agent before this one
        ended.bind("metadata")
    assert not agent._serves(stack)
    started: list[list[object]] = []
    codes: list[str] = []
    listener = socket.socket(socket.AF_UNIX)

    def run_process(name: str, argv: list[object], code: str, **_: object) -> None:
        started.append(argv)
        codes.append(code)
        Path("metadata").unlink()
        listener.bind("metadata")
        assert not agent._serves(stack)
        listener.listen()

    monkeypatch.setattr(stack, "run_process", run_process)
    with stack.acting(RecordedActions(lambda program: None)), listener:
        agent.start(stack)
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has connected without a request
            listener.accept()
    assert started[0][0] == namespace.see(stack)
    assert codes == [neutron.environment(stack).code_to_run()] != [""]
