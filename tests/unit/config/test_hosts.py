"""The other hosts of a stack, from HOSTS and from inventories."""

from pathlib import Path

import pytest

from doitstack.config.hosts import Host, host_of, other_hosts
from doitstack.config.settings import load_settings
from doitstack.errors import SettingsError

INVENTORY = """\
all:
  vars: {ansible_user: stack}
  children:
    controller:
      hosts: {ctl: {ansible_host: 192.0.2.1}}
    subnode:
      vars: {ansible_port: 2222}
      hosts:
        one: {ansible_host: 192.0.2.2, ansible_python_interpreter: /usr/bin/python3.11}
        two:
      children:
        far: {hosts: {three: {ansible_user: me, ansible_ssh_common_args: -o ProxyJump=gate}}}
"""


def hosts(top: Path, **environ: str) -> tuple[Host, ...]:
    return other_hosts(load_settings(top, environ))


def test_hosts_are_names_that_ssh_knows(tmp_path: Path) -> None:
    found = hosts(tmp_path, HOSTS="one, two,one", HOSTS_SSH_OPTIONS="-o 'User=a b'")
    assert [(host.name, host.address) for host in found] == [("one", "one"), ("two", "two")]
    ssh = found[0].ssh
    assert ssh[:4] == ["ssh", "-T", "-o", "User=a b"], "before ours"
    assert "BatchMode=yes" in ssh
    assert ssh[-2:] == ["--", "one"]
    assert hosts(tmp_path) == ()


def test_host_of_a_future_is_in_its_name(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"HOSTS": "one,two"})
    found = [host_of(name, settings) for name in ("a@two", "a@controller", "a", "two")]
    assert [host and host.name for host in found] == ["two", None, None, None]


def test_hosts_of_an_inventory_are_those_of_the_group_subnode(tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text(INVENTORY)
    one, two, three = hosts(tmp_path, HOSTS_FILE="inventory.yaml")
    assert one == Host("one", "192.0.2.2", "stack", "2222", python="/usr/bin/python3.11")
    assert two == Host("two", "two", "stack", "2222")
    assert three == Host("three", "three", "me", "2222", options=("-o", "ProxyJump=gate"))
    assert three.ssh[2:8] == ["-l", "me", "-p", "2222", "-o", "ProxyJump=gate"]
    assert three.ssh[-2:] == ["--", "three"]


def test_without_a_group_subnode_all_but_the_controller_are_meant(tmp_path: Path) -> None:
    text = "all: {hosts: {a: , b: {}, ctl: }, children: {controller: {hosts: {ctl: }}}}\n"
    (tmp_path / "inventory").write_text(text)
    assert [host.name for host in hosts(tmp_path, HOSTS_FILE="inventory")] == ["a", "b"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"HOSTS": "a b/c"}, "HOSTS=a b/c: 'b/c' cannot be the name of a host"),
        ({"HOSTS": "controller"}, "'controller' cannot be the name of a host"),
        ({"HOSTS": "a", "HOSTS_SSH_OPTIONS": "'"}, "HOSTS_SSH_OPTIONS=': these are no words"),
        ({"HOSTS_FILE": "missing"}, "HOSTS_FILE=missing: .*/missing: No such file"),
        ({"HOSTS_FILE": "broken"}, "HOSTS_FILE=broken: this is no inventory in YAML: .*line 1"),
        ({"HOSTS_FILE": "args"}, "ansible_ssh_common_args of a: No closing quotation"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, settings: dict[str, str], message: str) -> None:
    (tmp_path / "broken").write_text("a: [b\n")
    (tmp_path / "args").write_text('all: {hosts: {a: {ansible_ssh_common_args: "\'"}}}\n')
    with pytest.raises(SettingsError, match=message):
        hosts(tmp_path, **settings)
