"""Steps for all services together: wait until they answer, show their addresses, stop them.

The services start in parallel as futures, so the waits for them come after all of them.
"""

from collections.abc import Iterator
from functools import partial

from doitstack import Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.cloud import ADMIN_PASSWORD
from doitstack.uptodate import Unchanged
from doitstack_plugins.backing import debian_packages, rabbitmq
from doitstack_plugins.glance import plugin as glance
from doitstack_plugins.guest_image import plugin as guest_image
from doitstack_plugins.keystone.clouds import clouds_yaml, openrc
from doitstack_plugins.neutron import plugin as neutron
from doitstack_plugins.shared import subnode, venvs

STARTS = {
    "g-api": "start_glance",
    "placement-api": "start_placement",
    "neutron": "start_neutron",
    "nova": "start_nova",
    "cinder": "start_cinder",
    "s-proxy": "start_swift",
    "horizon": "start_horizon",
}
"""The futures that start services, by the service that must be enabled."""

_ON_SUBNODES = ("start_nova", "start_cinder")
"""Those of them that a subnode has."""

KEEP_BYTECODE = "keep_bytecode"
"""The future that keeps the byte code of all environments for later ones."""

STORES = ("mysql", "rabbit", "memcached", "etcd3")
"""Services that must stop last."""

ADDRESSES = {
    "key": "KEYSTONE_SERVICE_URI_V3",
    "g-api": "GLANCE_SERVICE_URI",
    "placement-api": "PLACEMENT_SERVICE_URI",
    "neutron": "NEUTRON_SERVICE_URI",
    "n-api": "NOVA_SERVICE_URI",
    "c-api": "CINDER_SERVICE_URI",
    "s-proxy": "SWIFT_SERVICE_URI",
    "horizon": "HORIZON_SERVICE_URI",
}
"""The settings with the addresses of services."""


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Wait for the system's packages and the broker before plugins are configured.

    Keystone needs neither, so it does not wait for them.
    """
    if debian_packages.wanted(stack):
        yield async_wait(debian_packages.FUTURE)
    if stack.is_service_enabled("rabbit"):
        yield async_wait(rabbitmq.FUTURE)


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Wait until all services answer and have their first objects, before plugins use them.

    By then they have compiled what they import. A future keeps that while the next steps run.
    """
    started = [future for name, future in STARTS.items() if stack.is_service_enabled(name)]
    if subnode.is_subnode(stack.settings):
        # Its agents and volumes start with their own plugins.
        started = [future for future in started if future in _ON_SUBNODES]
    if started:
        yield async_wait(*started)
    if stack.is_service_enabled(*ADDRESSES):
        is_kept = Unchanged(partial(venvs.installations, stack))
        yield async_run(KEEP_BYTECODE, venvs.keep_bytecode, uptodate=[is_kept])
    if not subnode.is_subnode(stack.settings):
        made = list(_first_objects(stack))
        if made:
            yield async_wait(*made)


def _first_objects(stack: Stack) -> Iterator[str]:
    """The futures that make what scripts find in the cloud in `stack extra`, as in DevStack."""
    if stack.is_service_enabled("neutron") and neutron.has_initial_networks(stack):
        yield "create_neutron_initial_network"
    if stack.is_service_enabled("nova"):
        yield "create_flavors"
    if stack.is_service_enabled("cinder"):
        yield "create_volume_types"
    if guest_image.is_uploaded(stack):
        yield "upload_guest_image"
    if stack.is_service_enabled("g-api") and glance.image_urls(stack):
        yield "upload_images"


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Show the addresses."""
    if stack.is_service_enabled(*ADDRESSES):
        yield run(show_addresses)
        yield async_wait(KEEP_BYTECODE)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop services in parallel, before their own plugins stop them one by one."""
    yield run(stop_services)


def stop_services(stack: Stack) -> None:
    """Stop all services except the stores, which the others need in order to end."""
    names = (one.name for one in stack.services.status())
    stack.stop_process(*(name for name in names if name not in STORES))


def show_addresses(stack: Stack) -> None:
    """Show each service's address and how to use it, as the last lines of the run."""
    for line in _addresses(stack):
        stack.say(line, at_end=True)


def _addresses(stack: Stack) -> Iterator[str]:
    for name, setting in ADDRESSES.items():
        if stack.is_service_enabled(name):
            yield f"{name} is at {stack.settings[setting]}"
    if stack.is_service_enabled("key"):
        clients = clouds_yaml(stack)
        yield f"in a shell: source {openrc(stack)} admin admin; openstack token issue"
        yield f"other clients: OS_CLIENT_CONFIG_FILE={clients}, cloud devstack-admin"
        passwords = f"local.conf or {stack.dest / 'passwords'}"
        yield f"the password of admin and demo is {ADMIN_PASSWORD} in {passwords}"
    tests = "doit tempest, " if stack.is_service_enabled("tempest") else ""
    yield f"next: {tests}doit services, doit timing; to stop it: doit unstack"
