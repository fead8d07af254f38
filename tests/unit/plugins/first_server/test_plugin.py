"""The commands with which a user logs in to a first server."""

from pathlib import Path

from doitstack.stack import Stack
from doitstack_plugins.first_server import plugin
from doitstack_plugins.neutron.plugin import plugin as neutron
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions


def make(tmp_path: Path, **environ: str) -> Stack:
    stack = make_guests(tmp_path, **environ)
    stack.settings.enable_service("ovn-controller")
    neutron.source(stack.settings)
    return stack


def shown(stack: Stack) -> list[str]:
    address = stack.data_dir / "first_server" / "address"
    address.parent.mkdir(parents=True, exist_ok=True)
    address.write_text("172.24.4.7")
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        plugin.show_commands(stack)
    return stage.said


def test_three_commands_end_in_a_login(tmp_path: Path) -> None:
    stack = make(tmp_path)
    _, create, add, login = shown(stack)
    assert "--image debian-tiny" in create
    assert add.endswith("add floating ip first 172.24.4.7")
    # The address answers in the network of the stack.
    assert login.split()[0] == f"{stack.data_dir}/ovn/enter"
    assert login.endswith("root@172.24.4.7")


def test_on_the_host_ssh_needs_nothing_before_it(tmp_path: Path) -> None:
    assert shown(make(tmp_path, PUBLIC_NETWORK_ON_HOST="True"))[3].split()[0] == "ssh"


def test_only_guests_in_a_network_are_prepared_for(tmp_path: Path) -> None:
    hooks = (plugin.stack_extra, plugin.stack_test_config)
    for environ in ({"VIRT_DRIVER": "fake"}, {"NEUTRON_CREATE_INITIAL_NETWORKS": "False"}):
        assert [step for hook in hooks for step in hook(make(tmp_path, **environ))] == []
    names = [step.name for hook in hooks for step in hook(make(tmp_path))]
    assert names[0] == "prepare_first_server"


def test_subnode_prepares_nothing(tmp_path: Path) -> None:
    stack = make(tmp_path, ENABLED_SERVICES="n-cpu,q-ovn-agent")
    assert stack.is_service_enabled("neutron")
    assert [*plugin.stack_extra(stack), *plugin.stack_test_config(stack)] == []
