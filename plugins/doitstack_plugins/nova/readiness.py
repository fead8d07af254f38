"""Make nova ready for use: its services run, its computes are registered, its flavors exist."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from doitstack import Stack
from doitstack.cloud import cloud
from doitstack_plugins.backing import rabbit_queues
from doitstack_plugins.nova import conf
from doitstack_plugins.shared import health, subnode


class Flavor(NamedTuple):
    """The size of a server: memory in MB, disk in GB."""

    id: str
    memory: int
    disk: int
    cpus: int = 1


class Topic(NamedTuple):
    """What messages to a daemon are sent to: a kind, the cell of its broker (0: none), a host.

    Without a host it is this one, under its name.
    """

    name: str
    cell: int = 0
    host: str = ""


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


def wait_for_queues(stack: Stack, topics: Mapping[str, Topic]) -> None:
    """Wait until messages to conductors and schedulers are kept for them; `topics` has their names.

    If a daemon has run before, it will find the messages that come while it starts.
    """
    for name, topic in topics.items():
        health.wait_until(stack, name, partial(_has_queue, stack, topic))


def wait_for_services(stack: Stack, topics: Mapping[str, Topic]) -> None:
    """Wait until conductors and schedulers take messages."""
    for name, topic in topics.items():
        health.wait_until(stack, name, partial(works, stack, name, topic))


def wait_for_computes(stack: Stack) -> None:
    """Wait until each compute works and has reported its resources to placement.

    On a subnode also wait until the scheduler has mapped it to its cell, so that it gets servers.
    """
    with cloud(stack) as connection:
        for number in conf.computes(stack):
            name, host = f"n-cpu-{number}", conf.compute_host(stack, number)
            health.wait_until(stack, name, partial(_is_known, connection.placement, host))
            topic = compute_topic(stack, number)
            health.wait_until(stack, name, partial(works, stack, name, topic))
            listed = partial(connection.compute.services, binary="nova-compute", host=host)
            health.wait_until(stack, name, partial(_is_up, listed))
            if subnode.is_subnode(stack.settings):
                health.wait_until(stack, name, partial(_is_mapped, connection.compute, host))


def compute_topic(stack: Stack, number: int) -> Topic:
    """Return what the messages to a compute are sent to."""
    cell = stack.settings.number("NOVA_CPU_CELL")
    return Topic("compute", cell, conf.compute_host(stack, number))


def works(stack: Stack, name: str, topic: Topic) -> bool:
    """Return whether a daemon takes messages from its queue."""
    return rabbit_queues.takes_messages(stack, name, *_queue(stack, topic))


def _create(compute: Any, name: str, flavor: Flavor) -> None:
    sizes = {"ram": flavor.memory, "disk": flavor.disk, "vcpus": flavor.cpus}
    made = compute.create_flavor(name=name, id=flavor.id, **sizes)
    compute.create_flavor_extra_specs(made, {"hw_rng:allowed": "True"})


def _has_queue(stack: Stack, topic: Topic) -> bool:
    return rabbit_queues.consumers(stack, *_queue(stack, topic)) is not None


def _queue(stack: Stack, topic: Topic) -> tuple[str, str]:
    """Return the name of a queue, and its virtual host."""
    host = topic.host or stack.settings["LOCAL_HOSTNAME"]
    return f"{topic.name}.{host}", conf.vhost(stack, topic.cell)


def _is_up(listed: Callable[[], Iterable[Any]]) -> bool:
    return any(one.state == "up" for one in listed())


def _is_mapped(compute: Any, host: str) -> bool:
    # Nova lists no other computes.
    return any(one.name == host for one in compute.hypervisors())


def _is_known(placement: Any, host: str) -> bool:
    return next(iter(placement.resource_providers(name=host)), None) is not None
