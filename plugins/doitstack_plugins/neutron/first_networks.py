"""The first networks, as DevStack makes them: a private one for the demo project, a public one.

Each object is found or created, so the steps can run again.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from doitstack import Settings, Stack
from doitstack.cloud import DEFAULT_DOMAIN, cloud, first, get_or_create
from doitstack_plugins.keystone.named_objects import the_one

_PROJECT = "demo"


def set_network_defaults(settings: Settings) -> None:
    """Set DevStack's names and ranges of the first networks."""
    settings.default("PRIVATE_NETWORK_NAME", "private")
    settings.default("PRIVATE_SUBNET_NAME", "private-subnet")
    settings.default("IPV4_ADDRS_SAFE_TO_USE", "10.0.0.0/22")
    settings.default("FIXED_RANGE", settings["IPV4_ADDRS_SAFE_TO_USE"])
    settings.default("PUBLIC_NETWORK_NAME", "public")
    settings.default("PUBLIC_SUBNET_NAME", "public-subnet")
    settings.default("PUBLIC_PHYSICAL_NETWORK", "public")
    settings.default("FLOATING_RANGE", "172.24.4.0/24")
    settings.default("Q_ROUTER_NAME", "router1")


def public_gateway(settings: Settings) -> str:
    """Return the address outside of the routers: PUBLIC_NETWORK_GATEWAY, or the range's first."""
    first_one = next(settings.network("FLOATING_RANGE").hosts())
    return settings.get("PUBLIC_NETWORK_GATEWAY", str(first_one))


def create_initial_networks(stack: Stack) -> None:
    """Make the private network, the public one, and the router between them."""
    with cloud(stack) as connection, stack.timed("osc"):
        projects = connection.identity.projects(name=_PROJECT, domain_id=DEFAULT_DOMAIN)
        project = the_one(projects, f"project {_PROJECT}").id
        public = _public_network(stack, connection.network)
        private = _private_subnet(stack, connection.network, project)
        _router(stack, connection.network, project, (public, private))


def _private_subnet(stack: Stack, network: Any, project: str) -> Any:
    settings = stack.settings
    key = {"name": settings["PRIVATE_NETWORK_NAME"], "project_id": project}
    private = _get_or_create(network.networks, network.create_network, key)
    key = {"name": settings["PRIVATE_SUBNET_NAME"], "network_id": private.id}
    more = {"project_id": project, "ip_version": settings.network("FIXED_RANGE").version}
    more["cidr"] = settings["FIXED_RANGE"]
    if settings.get("NETWORK_GATEWAY"):
        more["gateway_ip"] = settings["NETWORK_GATEWAY"]
    return _get_or_create(network.subnets, network.create_subnet, key, **more)


def _public_network(stack: Stack, network: Any) -> Any:
    settings = stack.settings
    key = {"name": settings["PUBLIC_NETWORK_NAME"]}
    more: dict[str, Any] = {
        "is_router_external": True,
        "provider_network_type": "flat",
        "provider_physical_network": settings["PUBLIC_PHYSICAL_NETWORK"],
    }
    public = _get_or_create(network.networks, network.create_network, key, **more)
    key = {"name": settings["PUBLIC_SUBNET_NAME"], "network_id": public.id}
    version = settings.network("FLOATING_RANGE").version
    more = {"ip_version": version, "is_dhcp_enabled": False}
    more |= {"cidr": settings["FLOATING_RANGE"], "gateway_ip": public_gateway(settings)}
    if pool := settings.get("Q_FLOATING_ALLOCATION_POOL"):
        # DevStack's form: start=172.24.4.10,end=172.24.4.200
        more["allocation_pools"] = [dict(part.split("=", 1) for part in pool.split(","))]
    _get_or_create(network.subnets, network.create_subnet, key, **more)
    return public


def _router(stack: Stack, network: Any, project: str, ends: tuple[Any, Any]) -> None:
    public, private = ends
    key = {"name": stack.settings["Q_ROUTER_NAME"], "project_id": project}
    gateway = {"network_id": public.id}
    router = _get_or_create(
        network.routers, network.create_router, key, external_gateway_info=gateway
    )
    ports = network.ports(device_id=router.id, network_id=private.network_id)
    if first(ports) is None:
        network.add_interface_to_router(router, subnet_id=private.id)


def _get_or_create(
    find: Callable[..., Iterator[Any]], create: Callable[..., Any], key: dict[str, str], **more: Any
) -> Any:
    return get_or_create(lambda: first(find(**key)), partial(create, **key, **more))
