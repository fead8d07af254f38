"""What the user demo needs to log in to a first server: a key, and rules that let ssh through.

The last lines of a run are the commands that do it.
"""

import shlex
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from doitstack import Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.cloud import DEFAULT_DOMAIN, cloud, first, get_or_create
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged
from doitstack_plugins.backing import mariadb
from doitstack_plugins.guest_image import plugin as guest_image
from doitstack_plugins.keystone.clouds import openrc
from doitstack_plugins.keystone.named_objects import the_one
from doitstack_plugins.ovn import namespace, outside

services = ("n-cpu",)

NAME = "first"
"""The name of the key, of the security group, and of the server in the commands."""

_FUTURE = "prepare_first_server"
_USER = "demo"
_FLAVOR = "m1.nano"
_RULES: tuple[dict[str, Any], ...] = (
    {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
    {"protocol": "icmp"},
)


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Make the key, the rules and a floating IP as soon as there is a public network."""
    if _is_wanted(stack):
        waits = ["start_nova", "create_neutron_initial_network"]
        good = [partial(is_prepared, stack), Unchanged(partial(made_from, stack))]
        yield async_run(_FUTURE, prepare, wait=waits, uptodate=good)


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Show the commands."""
    if _is_wanted(stack):
        yield async_wait(_FUTURE)
        yield run(show_commands)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove the key."""
    yield run(clean_first_server)


def made_from(stack: Stack) -> str:
    """Return what the objects in the cloud were made in."""
    names = ("neutron", "nova_api", "keystone")
    return " ".join(mariadb.schema_key(stack, name) for name in names)


def is_prepared(stack: Stack) -> bool:
    """Return whether the key and the address are known."""
    return _key(stack).is_file() and _address(stack).is_file()


def prepare(stack: Stack) -> None:
    """Make what is not there yet."""
    _make_key(stack)
    with cloud(stack) as connection, stack.timed("osc"):
        identity, network = connection.identity, connection.network
        user = the_one(identity.users(name=_USER, domain_id=DEFAULT_DOMAIN), f"user {_USER}").id
        found = identity.projects(name=_USER, domain_id=DEFAULT_DOMAIN)
        project = the_one(found, f"project {_USER}").id
        _import_key(stack, connection.compute, user)
        _make_group(network, project)
        _address(stack).write_text(_floating_ip(stack, network, project))


def show_commands(stack: Stack) -> None:
    """Show how to boot a server and to log in to it, in three commands that work as they stand."""
    address, shell = _address(stack).read_text(), shlex.quote(str(openrc(stack)))
    words = {
        "image": guest_image.NAME,
        "flavor": _FLAVOR,
        "network": stack.settings["PRIVATE_NETWORK_NAME"],
        "key-name": NAME,
        "security-group": NAME,
    }
    options = " ".join(f"--{name} {value}" for name, value in words.items())
    stack.say("boot a server and log in to it:", at_end=True)
    for command in (
        f"source {shell} {_USER} {_USER}; openstack server create {options} --wait {NAME}",
        f"openstack server add floating ip {NAME} {address}",
        f"{_ssh(stack)} root@{address}",
    ):
        stack.say(f"  {command}", at_end=True)


def clean_first_server(stack: Stack) -> None:
    """Remove the key."""
    discard(stack.settings, _root(stack))


def _is_wanted(stack: Stack) -> bool:
    has_network = stack.settings.is_true("NEUTRON_CREATE_INITIAL_NETWORKS", default=True)
    has_neutron = stack.is_service_enabled("neutron")
    return guest_image.is_uploaded(stack) and has_neutron and has_network


def _make_key(stack: Stack) -> None:
    private_directory(_root(stack))
    if not _key(stack).is_file():
        stack.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", _key(stack)])


def _import_key(stack: Stack, compute: Any, user: str) -> None:
    public = _key(stack).with_suffix(".pub").read_text(encoding="utf-8").strip()
    old = compute.find_keypair(NAME, user_id=user)
    if old is not None:
        compute.delete_keypair(old, user_id=user)
    compute.create_keypair(name=NAME, public_key=public, user_id=user, type="ssh")


def _make_group(network: Any, project: str) -> None:
    key = {"name": NAME, "project_id": project}
    group = get_or_create(
        lambda: first(network.security_groups(**key)), partial(network.create_security_group, **key)
    )
    for rule in _RULES:
        wanted = {"security_group_id": group.id, "direction": "ingress", "ethertype": "IPv4"}
        get_or_create(
            partial(_find_rule, network, group.id, rule["protocol"]),
            partial(network.create_security_group_rule, project_id=project, **wanted, **rule),
        )


def _find_rule(network: Any, group: str, protocol: str) -> Any:
    where = {"security_group_id": group, "protocol": protocol, "direction": "ingress"}
    return first(network.security_group_rules(**where))


def _floating_ip(stack: Stack, network: Any, project: str) -> str:
    public = network.find_network(stack.settings["PUBLIC_NETWORK_NAME"], ignore_missing=False)
    key = {"description": NAME, "project_id": project}
    made = get_or_create(
        lambda: first(network.ips(**key)),
        partial(network.create_ip, floating_network_id=public.id, **key),
    )
    return str(made.floating_ip_address)


def _ssh(stack: Stack) -> str:
    """Return the command, of a host whose key is not known: the address may have another soon."""
    options = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    words: list[str | Path] = ["ssh", "-q", *options, "-i", _key(stack)]
    if not outside.is_on_host(stack):
        words.insert(0, namespace.enter(stack))
    return shlex.join(map(str, words))


def _key(stack: Stack) -> Path:
    return _root(stack) / "id_ed25519"


def _address(stack: Stack) -> Path:
    return _root(stack) / "address"


def _root(stack: Stack) -> Path:
    return stack.data_dir / "first_server"
