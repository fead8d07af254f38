"""Make nova ready for use: its services run, its computes are registered, its flavors exist."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from doitstack import Stack
from doitstack.cloud import cloud
from doitstack_plugins.nova import conf
from doitstack_plugins.shared import health, subnode


class Flavor(NamedTuple):
    """The size of a server: memory in MB, disk in GB."""

    id: str
    memory: int
    disk: int
    cpus: int = 1


FLAVORS = {
    "m1.nano": Flavor("42", 192, 1),
    "m1.micro": Flavor("84", 256, 1),
    "cirros256": Flavor("c1", 256, 1),
    "ds512M": Flavor("d1", 512, 5),
    "ds1G": Flavor("d2", 1024, 10),
    "ds2G": Flavor("d3", 2048, 10, 2),
    "ds4G": Flavor("d4", 4096, 20, 4),
    "m1.tiny": Flavor("1", 512, 1),
    "m1.small": Flavor("2", 2048, 20),
    "m1.medium": Flavor("3", 4096, 40, 2),
    "m1.large": Flavor("4", 8192, 80, 4),
    "m1.xlarge": Flavor("5", 16384, 160, 8),
}
"""DevStack's flavors, by name."""


def create_flavors(stack: Stack) -> None:
    """Make the flavors that are not there yet."""
    with cloud(stack) as connection, stack.timed("osc"):
        known = {flavor.name for flavor in connection.compute.flavors()}
        for name, flavor in FLAVORS.items():
            if name not in known:
                _create(connection.compute, name, flavor)


def wait_for_services(stack: Stack, binaries: Mapping[str, str]) -> None:
    """Wait until each process has reported; `binaries` gives nova's name of each."""
    with cloud(stack) as connection:
        _wait_for_services(stack, connection.compute, binaries)


def wait_for_computes(stack: Stack, control: Mapping[str, str]) -> None:
    """Wait until each compute works and has reported its resources to placement.

    Before that, wait for the processes of `control`, as `wait_for_services` does. On a subnode also
    wait until the scheduler has mapped each compute to its cell, so that it gets servers.
    """
    is_subnode = subnode.is_subnode(stack.settings)
    with cloud(stack) as connection:
        _wait_for_services(stack, connection.compute, control)
        # The controller writes the times of reports.
        offset = subnode.clock_offset(stack, connection)
        for number in conf.computes(stack):
            name, host = f"n-cpu-{number}", conf.compute_host(stack, number)
            health.wait_until(stack, name, partial(_is_known, connection.placement, host))
            listed = partial(connection.compute.services, binary="nova-compute", host=host)
            started = stack.services.started(name) - offset
            health.wait_until(stack, name, partial(_have_reported, listed, started, 1))
            if is_subnode:
                health.wait_until(stack, name, partial(_is_mapped, connection.compute, host))


def _wait_for_services(stack: Stack, compute: Any, binaries: Mapping[str, str]) -> None:
    for name, binary in binaries.items():
        fewest = sum(one == binary for one in binaries.values())
        listed = partial(compute.services, binary=binary)
        is_up = partial(_have_reported, listed, stack.services.started(name), fewest)
        health.wait_until(stack, name, is_up)


def _create(compute: Any, name: str, flavor: Flavor) -> None:
    sizes = {"ram": flavor.memory, "disk": flavor.disk, "vcpus": flavor.cpus}
    made = compute.create_flavor(name=name, id=flavor.id, **sizes)
    compute.create_flavor_extra_specs(made, {"hw_rng:allowed": "True"})


def _have_reported(listed: Callable[[], Iterable[Any]], started: float, fewest: int) -> bool:
    return sum(health.has_reported(one, started, trust_new=True) for one in listed()) >= fewest


def _is_mapped(compute: Any, host: str) -> bool:
    # Nova lists no other computes.
    return any(one.name == host for one in compute.hypervisors())


def _is_known(placement: Any, host: str) -> bool:
    return next(iter(placement.resource_providers(name=host)), None) is not None
