"""Accounts, roles and the catalog, with the arguments and the output of DevStack's functions.

Each function finds or makes one thing and returns its id. The administrator is the cloud
`devstack-admin` of `$DEST/clouds.yaml`.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from doitstack.errors import ServiceError
from doitstack.stack import Stack

CLOUD = "devstack-admin"


def get_or_create_domain(stack: Stack, name: str, description: str = "") -> str:
    """Return the id of the domain."""
    api = _api(stack)
    found = api.find_domain(name)
    return _id(found or api.create_domain(name=name, description=description))


def get_or_create_group(stack: Stack, name: str, domain: str, description: str = "") -> str:
    """Return the id of the group."""
    api = _api(stack)
    where = _domain(api, domain)
    found = api.find_group(name, domain_id=where)
    return _id(found or api.create_group(name=name, domain_id=where, description=description))


def get_or_create_user(stack: Stack, name: str, password: str, domain: str, email: str = "") -> str:
    """Return the id of the user; the password of one that exists stays."""
    api = _api(stack)
    where = _domain(api, domain)
    extra = {"email": email} if email else {}
    found = api.find_user(name, domain_id=where)
    return _id(found or api.create_user(name=name, password=password, domain_id=where, **extra))


def get_or_create_project(stack: Stack, name: str, domain: str) -> str:
    """Return the id of the project."""
    api = _api(stack)
    where = _domain(api, domain)
    return _id(
        api.find_project(name, domain_id=where) or api.create_project(name=name, domain_id=where)
    )


def get_or_create_role(stack: Stack, name: str) -> str:
    """Return the id of the role."""
    api = _api(stack)
    return _id(api.find_role(name) or api.create_role(name=name))


def get_or_add_user_project_role(  # noqa: PLR0917 - DevStack's arguments
    stack: Stack,
    role: str,
    user: str,
    project: str,
    user_domain: str = "",
    project_domain: str = "",
) -> str:
    """Give the user the role on the project; return the role's id."""
    api = _api(stack)
    given = _found("role", role, api.find_role(role))
    who = _found("user", user, api.find_user(user, **_within(api, user_domain)))
    where = _found("project", project, api.find_project(project, **_within(api, project_domain)))
    api.assign_project_role_to_user(where, who, given)
    return given


def get_or_add_user_domain_role(stack: Stack, role: str, user: str, domain: str) -> str:
    """Give the user the role on the domain; return the role's id."""
    api = _api(stack)
    given = _found("role", role, api.find_role(role))
    who = _found("user", user, api.find_user(user))
    api.assign_domain_role_to_user(_domain(api, domain), who, given)
    return given


def get_or_add_user_system_role(
    stack: Stack, role: str, user: str, system: str, user_domain: str = ""
) -> str:
    """Give the user the role on the system; return the role's id."""
    api = _api(stack)
    given = _found("role", role, api.find_role(role))
    who = _found("user", user, api.find_user(user, **_within(api, user_domain)))
    api.assign_system_role_to_user(who, given, system)
    return given


def get_or_add_group_project_role(stack: Stack, role: str, group: str, project: str) -> str:
    """Give the group the role on the project; return the role's id."""
    api = _api(stack)
    given = _found("role", role, api.find_role(role))
    who = _found("group", group, api.find_group(group))
    where = _found("project", project, api.find_project(project))
    api.assign_project_role_to_group(where, who, given)
    return given


def get_or_create_service(stack: Stack, name: str, type: str, description: str = "") -> str:
    """Return the id of the service of that type."""
    api = _api(stack)
    found = next(iter(api.services(type=type)), None)
    return _id(found or api.create_service(name=name, type=type, description=description))


def get_or_create_endpoint(  # noqa: PLR0917 - DevStack's arguments
    stack: Stack,
    service: str,
    region: str,
    public_url: str,
    admin_url: str = "",
    internal_url: str = "",
) -> str:
    """Return the ids of the endpoints that have an URL, a line each, the public one last."""
    api = _api(stack)
    where = _service(api, service)
    if not api.find_region(region):
        api.create_region(id=region)
    urls = {"admin": admin_url, "internal": internal_url, "public": public_url}
    return "\n".join(_endpoint(api, where, region, *pair) for pair in urls.items() if pair[1])


def get_endpoint_url(stack: Stack, service: str, interface: str) -> str:
    """Return the URLs of the service's endpoints, separated by spaces."""
    api = _api(stack)
    found = api.endpoints(service_id=_service(api, service), interface=interface)
    return " ".join(endpoint.url for endpoint in found)


def _endpoint(api: Any, service: str, region: str, interface: str, url: str) -> str:
    found = api.endpoints(service_id=service, interface=interface, region_id=region)
    return _id(
        next(iter(found), None)
        or api.create_endpoint(service_id=service, interface=interface, region_id=region, url=url)
    )


def _service(api: Any, name: str) -> str:
    """Return the id of the service with this type, name or id."""
    found = next(
        (one for one in api.services() if name in {one.type, one.name, one.id}),
        None,
    )
    return _found("service", name, found)


def _domain(api: Any, name: str) -> str:
    return _found("domain", name, api.find_domain(name))


def _within(api: Any, domain: str) -> dict[str, str]:
    return {"domain_id": _domain(api, domain)} if domain else {}


def _found(kind: str, name: str, found: Any) -> str:
    if found is None:
        raise ServiceError(f"there is no {kind} {name}; make it first")
    return _id(found)


def _id(found: Any) -> str:
    return str(found.id)


def _api(stack: Stack) -> Any:
    path = stack.dest / "clouds.yaml"
    try:
        return _connection(path, path.stat().st_mtime_ns).identity
    except FileNotFoundError as error:
        raise ServiceError(f"there is no {path} yet: keystone makes it; enable key") from error


@lru_cache(maxsize=1)
def _connection(path: Path, _changed: int) -> Any:
    """Return the connection of this process, for as long as the file stays as it is."""
    # Only those who ask the cloud pay for the import.
    from openstack.config import OpenStackConfig  # noqa: PLC0415
    from openstack.connection import Connection  # noqa: PLC0415

    region = OpenStackConfig(config_files=[str(path)], load_envvars=False).get_one(CLOUD)
    connection = Connection(config=region)
    # no proxy stands between us and our own service
    connection.session.session.trust_env = False
    return connection
