"""OVN: networks that carry packets, in a network namespace of the stack's own.

`namespace` has that network, `daemons` what runs in it, `outside` how it is reached, and `agent`
the metadata of guests. Neutron's configuration for it is in `neutron.ml2`.
"""

import os
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.dest_directory import discard
from doitstack.config.settings import SettingCheck
from doitstack.errors import SettingsError, StepError
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.ovn import agent, daemons, datapath, outside
from doitstack_plugins.ovn.commands import succeeds
from doitstack_plugins.ovn.places import (
    AGENTS,
    MAINTENANCE,
    SERVICES,
    has_agent,
    has_databases,
    remote,
    root,
)
from doitstack_plugins.shared import required_services, subnode
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import Service

FUTURE = "start_ovn"
"""The future that starts Open vSwitch and OVN."""

_AGENT_FUTURE = "start_ovn_agent"

_LONGEST_SOCKET = 107
"""The bytes that the path of a socket may have."""


class Ovn(Service):
    """OVN's daemons, which need no environment of their own, and no Neutron either."""

    name = "ovn"
    services = SERVICES
    needs = ("ovn-controller", "ovn-northd")

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/neutron_plugins/ovn_agent."""
        if settings.is_service_enabled("ovn-controller", "ovn-northd"):
            settings.enable_service("ovsdb-server", "ovs-vswitchd")
            if settings.is_service_enabled("neutron") and not subnode.is_subnode(settings):
                settings.enable_service(MAINTENANCE)
        if settings.is_service_enabled(*AGENTS):
            settings.enable_service(agent.SERVICE)
        if settings.is_service_enabled(*SERVICES):
            settings.default("OVN_UUID", _uuid(settings["DEST"]))
            datapath.set_default(settings)
        settings.default("TUNNEL_ENDPOINT_IP", settings["HOST_IP"])
        settings.default("PUBLIC_BRIDGE", "br-ex")
        physical = settings.get("PUBLIC_PHYSICAL_NETWORK", "public")
        settings.default("OVN_BRIDGE_MAPPINGS", f"{physical}:{settings['PUBLIC_BRIDGE']}")

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Start it in the background once its packages are there."""
        # It forgets the networks of a Neutron whose database is gone.
        has_neutron = stack.is_service_enabled("neutron") and has_databases(stack)
        neutron = ["init_neutron"] if has_neutron else []
        yield async_run(FUTURE, start_ovn, wait=[debian_packages.FUTURE, *neutron])

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Configure the agent."""
        if has_agent(stack):
            yield run(configure_ovn_agent)

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Wait for OVN, which Neutron needs in order to start, and start the agent."""
        yield async_wait(FUTURE)
        if not has_databases(stack):
            yield from subnode.waits(stack, FUTURE)
            yield run(wait_for_ovn)
        if has_agent(stack):
            yield async_run(_AGENT_FUTURE, start_ovn_agent, wait=["install_neutron"])

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Wait for the agent, and tell how the network is reached."""
        if has_agent(stack):
            yield async_wait(_AGENT_FUTURE)
        if has_databases(stack):
            yield run(tell_the_way)

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            "OVS_DATAPATH_TYPE": datapath.check_kind,
            "PUBLIC_NETWORK_ON_HOST": Settings.is_true,
            "Q_AGENT": check_is_ovn,
            "Q_ML2_PLUGIN_MECHANISM_DRIVERS": check_is_ovn,
            "TUNNEL_ENDPOINT_IP": Settings.host,
        }

    def check(self, stack: Stack) -> None:
        """Raise an error that names everything that is missing or in the way."""
        needs = partial(required_services.check, stack, "OVN", *self.needs)
        required_services.check_all(needs, *self.checks(stack))

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield the checks of what this machine must have and allow."""
        yield partial(subnode.check_services, stack, self.services)
        yield partial(check_privileges, stack)
        yield partial(check_length, stack)
        yield partial(check_networks, stack)
        if outside.is_on_host(stack):
            yield partial(outside.check_range, stack)

    def stop(self, stack: Stack) -> None:
        """Stop all of it."""
        stack.stop_process(agent.SERVICE)
        daemons.stop(stack)

    def remove(self, stack: Stack) -> None:
        """Remove its databases."""
        discard(stack.settings, root(stack))


def start_ovn(stack: Stack) -> None:
    """Start Open vSwitch and OVN."""
    daemons.start(stack)


def wait_for_ovn(stack: Stack) -> None:
    """Wait until a subnode is connected to the database of its controller."""
    name = f"OVN's southbound database at {remote(stack, 'sb')}"
    subnode.wait_for(stack, {name: partial(daemons.is_connected, stack)})


def configure_ovn_agent(stack: Stack) -> None:
    """Write the configuration of Neutron's agent."""
    agent.configure(stack)


def start_ovn_agent(stack: Stack) -> None:
    """Start Neutron's agent."""
    agent.start(stack)


def tell_the_way(stack: Stack) -> None:
    """Show how floating IPs are reached."""
    settings = stack.settings
    if outside.is_on_host(stack):
        where = f"from this machine, by {outside.host_interface(stack)}"
    else:
        where = f"in the network of the stack: {root(stack) / 'enter'} COMMAND"
    stack.say(f"floating IPs ({settings['FLOATING_RANGE']}) answer {where}", at_end=True)


def check_privileges(stack: Stack) -> None:
    """Raise StepError unless we may make namespaces and interfaces."""
    what = "for the network namespace, the bridges and the interfaces of guests"
    if os.geteuid():
        raise StepError(f"OVN needs root, {what}; run doit as root")
    if not succeeds("unshare", "--net", "--mount", "mount", "-t", "sysfs", "sysfs", "/sys"):
        raise StepError(
            f"OVN needs the right to make namespaces and to mount in them, {what}; "
            "in a container, start that with --privileged"
        )
    if not Path("/dev/net/tun").exists():
        raise StepError(f"OVN needs /dev/net/tun, {what}; run: modprobe tun")


def check_length(stack: Stack) -> None:
    """Raise SettingsError if DATA_DIR is too long for the path of a socket in it."""
    path = str(agent.metadata_socket(stack))
    if has_agent(stack) and (more := len(os.fsencode(path)) - _LONGEST_SOCKET) > 0:
        raise SettingsError(
            f"{AGENTS[0]} needs the socket {path}, whose path is {more} bytes too long; "
            "set a shorter DEST in local.conf"
        )


def check_networks(stack: Stack) -> None:
    """Raise SettingsError if Neutron has networks from before OVN was enabled."""
    is_first = not daemons.knows_neutron(stack) and "neutron-api" in stack.started_services()
    if is_first and not stack.settings.is_true("RECREATE_DB"):
        raise SettingsError(
            "the networks of this stack were made without OVN, which does not know them; "
            "to make all databases anew, run once: RECREATE_DB=True doit stack"
        )


def check_is_ovn(settings: Settings, name: str) -> None:
    """Raise SettingsError if the setting names agents or drivers, but not OVN."""
    if "ovn" not in settings.get(name, "ovn").split(","):
        raise settings.mistake(name, "OVN is enabled, and nothing else carries packets; use ovn")


plugin = Ovn()


def _uuid(dest: str) -> str:
    """Return an identifier that is always the same for a DEST."""
    from uuid import NAMESPACE_URL, uuid5  # noqa: PLC0415 - imports platform

    return str(uuid5(NAMESPACE_URL, Path(dest).as_uri()))
