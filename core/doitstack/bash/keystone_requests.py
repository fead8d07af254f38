"""Accounts, roles and the catalog, with the arguments and the output of DevStack's functions.

Each function finds or creates one object and returns its id.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

from doitstack.cloud import DEFAULT_DOMAIN, first, get_or_create, identity_api
from doitstack.errors import ServiceError
from doitstack.stack import Stack


@contextmanager
def _identity(stack: Stack) -> Iterator[Any]:
    """Yield the identity API. Raises ServiceError before keystone has its administrator."""
    path = stack.dest / "clouds.yaml"
    if not path.is_file():
        raise ServiceError(f"{path} does not exist; enable the service key, which creates it")
    with identity_api(stack) as api:
        yield api


def _request(function: Callable[..., str]) -> Callable[..., str]:
    """Return a function that takes the stack and calls `function` with its identity API."""

    @wraps(function)
    def request(stack: Stack, *arguments: str) -> str:
        with _identity(stack) as api:
            return function(api, *arguments)

    return request


@_request
def get_or_create_domain(api: Any, name: str, description: str = "") -> str:
    """Return the id of the domain."""
    create = partial(api.create_domain, name=name, description=description)
    return _id(get_or_create(partial(api.find_domain, name), create))


@_request
def get_or_create_group(api: Any, name: str, domain: str, description: str = "") -> str:
    """Return the id of the group."""
    where = _domain(api, domain)
    find = partial(api.find_group, name, domain_id=where)
    create = partial(api.create_group, name=name, domain_id=where, description=description)
    return _id(get_or_create(find, create))


@_request
def get_or_create_user(api: Any, name: str, password: str, domain: str, email: str = "") -> str:
    """Return the id of the user; the password of an existing user is not changed."""
    where = _domain(api, domain)
    extra = {"email": email} if email else {}
    find = partial(api.find_user, name, domain_id=where)
    create = partial(api.create_user, name=name, password=password, domain_id=where, **extra)
    return _id(get_or_create(find, create))


@_request
def get_or_create_project(api: Any, name: str, domain: str = "") -> str:
    """Return the id of the project; without a domain, it is in the default one."""
    where = _domain(api, domain or DEFAULT_DOMAIN)
    find = partial(api.find_project, name, domain_id=where)
    return _id(get_or_create(find, partial(api.create_project, name=name, domain_id=where)))


@_request
def get_or_create_role(api: Any, name: str) -> str:
    """Return the id of the role."""
    return _id(get_or_create(partial(api.find_role, name), partial(api.create_role, name=name)))


@_request
def get_or_add_user_project_role(  # noqa: PLR0917 - DevStack's arguments
    api: Any,
    role: str,
    user: str,
    project: str,
    user_domain: str = "",
    project_domain: str = "",
) -> str:
    """Grant the user the role on the project; return the role's id."""
    given = _role(api, role)
    who = _user(api, user, user_domain)
    where = _project(api, project, project_domain)
    api.assign_project_role_to_user(where, who, given)
    return given


@_request
def get_or_add_user_domain_role(api: Any, role: str, user: str, domain: str) -> str:
    """Grant the user the role on the domain; return the role's id."""
    given = _role(api, role)
    who = _user(api, user)
    api.assign_domain_role_to_user(_domain(api, domain), who, given)
    return given


@_request
def get_or_add_user_system_role(
    api: Any, role: str, user: str, system: str, user_domain: str = ""
) -> str:
    """Grant the user the role on the system; return the role's id."""
    given = _role(api, role)
    who = _user(api, user, user_domain)
    api.assign_system_role_to_user(who, given, system)
    return given


@_request
def get_or_add_group_project_role(api: Any, role: str, group: str, project: str) -> str:
    """Grant the group the role on the project; return the role's id."""
    given = _role(api, role)
    who = _found("group", group, api.find_group(group))
    where = _project(api, project)
    api.assign_project_role_to_group(where, who, given)
    return given


@_request
def get_or_create_service(api: Any, name: str, type: str, description: str = "") -> str:
    """Return the id of the service of that type."""
    create = partial(api.create_service, name=name, type=type, description=description)
    return _id(get_or_create(lambda: first(api.services(type=type)), create))


@_request
def get_or_create_endpoint(  # noqa: PLR0917 - DevStack's arguments
    api: Any,
    service: str,
    region: str,
    public_url: str,
    admin_url: str = "",
    internal_url: str = "",
) -> str:
    """Return the ids of the endpoints with a URL, one per line, the public one last."""
    where = _service(api, service)
    if not api.find_region(region):
        api.create_region(id=region)
    urls = {"admin": admin_url, "internal": internal_url, "public": public_url}
    return "\n".join(_endpoint(api, where, region, *pair) for pair in urls.items() if pair[1])


@_request
def get_endpoint_url(api: Any, service: str, interface: str) -> str:
    """Return the URLs of the service's endpoints, separated by spaces."""
    found = api.endpoints(service_id=_service(api, service), interface=interface)
    return " ".join(endpoint.url for endpoint in found)


def _endpoint(api: Any, service: str, region: str, interface: str, url: str) -> str:
    key = {"service_id": service, "interface": interface, "region_id": region}
    create = partial(api.create_endpoint, **key, url=url)
    return _id(get_or_create(lambda: first(api.endpoints(**key)), create))


def _service(api: Any, name: str) -> str:
    """Return the id of the service with this type, name or id."""
    found = next(
        (one for one in api.services() if name in {one.type, one.name, one.id}),
        None,
    )
    return _found("service", name, found)


def _role(api: Any, name: str) -> str:
    return _found("role", name, api.find_role(name))


def _user(api: Any, name: str, domain: str = "") -> str:
    return _found("user", name, api.find_user(name, **_within(api, domain)))


def _project(api: Any, name: str, domain: str = "") -> str:
    return _found("project", name, api.find_project(name, **_within(api, domain)))


def _domain(api: Any, name: str) -> str:
    return _found("domain", name, api.find_domain(name))


def _within(api: Any, domain: str) -> dict[str, str]:
    return {"domain_id": _domain(api, domain)} if domain else {}


def _found(kind: str, name: str, found: Any) -> str:
    if found is None:
        raise ServiceError(f"{kind} {name} does not exist; create it first")
    return _id(found)


def _id(found: Any) -> str:
    return str(found.id)
