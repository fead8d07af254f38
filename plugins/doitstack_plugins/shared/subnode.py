"""Subnodes: hosts that use the APIs, databases and broker of another one, which SERVICE_HOST names.

On a subnode run computes, agents and volume services; everything else runs on the controller.
"""

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from ipaddress import ip_address
from urllib.parse import urlsplit

from doitstack import Stack, Step, async_wait
from doitstack.config.addresses import host_address, socket_host, url_host
from doitstack.config.hosts import CONTROLLER
from doitstack.errors import ServiceError, SettingsError
from doitstack_plugins.shared import health, ports

SERVICES = frozenset(
    {
        *("n-cpu", "c-vol", "placement-client"),
        *("ovn-controller", "ovs-vswitchd", "ovsdb-server"),
        *("q-ovn-agent", "neutron-ovn-agent", "q-ovn-metadata-agent", "neutron-ovn-metadata-agent"),
    }
)
"""The services that can run on a subnode."""

Probe = Callable[[], bool]
_PAUSE = 0.5


def is_subnode(settings: Mapping[str, str]) -> bool:
    """Return whether the services that others need run on another host."""
    is_of_another_run = settings["THIS_HOST"] != CONTROLLER
    return is_of_another_run or not ports.is_of_this_machine(settings["SERVICE_HOST"])


def is_reachable(settings: Mapping[str, str]) -> bool:
    """Return whether other hosts can reach this one: its address is not that of a loopback."""
    return not _is_loopback(host_address(settings))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def waits(stack: Stack, *futures: str) -> Iterator[Step]:
    """Yield the wait for `futures` of the controller, if one run stacks it with this host."""
    if stack.settings["THIS_HOST"] != CONTROLLER:
        yield async_wait(*(f"{name}@{CONTROLLER}" for name in futures))


def check_services(stack: Stack, names: Iterable[str]) -> None:
    """Raise SettingsError if a subnode has services, among `names`, that only a controller has.

    Or if it cannot reach those of its controller.
    """
    host = stack.settings["SERVICE_HOST"]
    if stack.settings["THIS_HOST"] != CONTROLLER and _is_loopback(socket_host(host)):
        raise SettingsError(
            f"SERVICE_HOST={host} is an address that other hosts cannot reach; "
            "set HOST_IP of the controller to an address that they can"
        )
    wrong = [one for one in names if one in stack.settings.services and one not in SERVICES]
    if wrong and is_subnode(stack.settings):
        raise SettingsError(
            f"{', '.join(wrong)}: SERVICE_HOST={stack.settings['SERVICE_HOST']} is another "
            "machine, where this runs; leave it out of ENABLED_SERVICES of this host, "
            "as in ENABLED_SERVICES=n-cpu"
        )


def wait_for(stack: Stack, wanted: Mapping[str, Probe]) -> None:
    """Wait until all that is `wanted` answers; say once what does not answer yet.

    Raises ServiceError after SERVICE_TIMEOUT s.
    """
    timeout = stack.settings.number("SERVICE_TIMEOUT")
    deadline, is_told = time.monotonic() + timeout, False
    while missing := [name for name, is_answering in wanted.items() if not is_answering()]:
        if not is_told:
            stack.say(f"waiting up to {timeout} s for {', '.join(missing)}")
            is_told = True
        if time.monotonic() > deadline:
            raise ServiceError(
                f"{', '.join(missing)}: no answer within {timeout} s (SERVICE_TIMEOUT); "
                f"stack the controller, or correct SERVICE_HOST in local.conf"
            )
        stack.sleep(_PAUSE)


def apis(stack: Stack, *prefixes: str) -> dict[str, Probe]:
    """Return the APIs at PREFIX_SERVICE_URI, and how to see whether each answers."""
    uris = {prefix: stack.settings[f"{prefix}_SERVICE_URI"] for prefix in prefixes}
    return {f"{prefix.lower()} at {uri}": partial(_answers, uri) for prefix, uri in uris.items()}


def listener(name: str, host: str, port: int) -> dict[str, Probe]:
    """Return something that listens at an address, and how to see whether it does."""
    return {f"{name} at {url_host(host)}:{port}": partial(_accepts, (socket_host(host), port))}


def _answers(uri: str) -> bool:
    parts = urlsplit(uri)
    return health.answers((parts.hostname or "", parts.port or 80), f"{parts.path}/")


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, 5).close()
    except OSError:
        return False
    return True
