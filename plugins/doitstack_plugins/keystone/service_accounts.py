"""The accounts of services: their users, their place in the catalog, and how they log in.

Each object is found or created, so the steps can run again.
"""

from functools import partial
from typing import Any

from doitstack import Stack
from doitstack.cloud import DEFAULT_DOMAIN, first, get_or_create, identity_api
from doitstack.uptodate import digest
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone.named_objects import NamedObjects
from doitstack_plugins.shared import conf_files

_PASSWORD = "SERVICE_PASSWORD"  # noqa: S105 - its name, not the password

ADMINS = frozenset({"cinder", "neutron", "nova", "placement", "swift"})
"""The users that DevStack gives the role admin besides the role service."""


def create(stack: Stack, user: str, type_: str, name: str, *urls: str) -> None:
    """Make the user, the service `name` of `type_` in the catalog, and its endpoints.

    The first of `urls` is the public endpoint, then come the internal one and the admin's. Without
    a `type_` there is only the user.
    """
    with identity_api(stack) as identity, stack.timed("osc"):
        _create_account(stack, identity, user)
        if type_:
            service = _service(identity, type_, name)
            for interface, url in zip(("public", "internal", "admin"), urls, strict=False):
                _endpoint(stack, identity, service.id, (interface, url))


def credentials(stack: Stack, user: str) -> dict[str, str]:
    """Return the options by which a service logs in as `user`, as [nova] or [placement] take them.

    Among them is the password: write them into a private file, and nowhere else.
    """
    return {
        "auth_url": stack.settings["KEYSTONE_SERVICE_URI"],
        "auth_type": "password",
        "username": user,
        "password": stack.password(_PASSWORD),
        "user_domain_id": DEFAULT_DOMAIN,
        "project_name": stack.settings["SERVICE_PROJECT_NAME"],
        "project_domain_name": stack.settings["SERVICE_DOMAIN_NAME"],
        "region_name": stack.settings["REGION_NAME"],
    }


def authtoken_options(stack: Stack, user: str) -> dict[str, str]:
    """Return the options of [keystone_authtoken] for a service that logs in as `user`."""
    # The catalog has public endpoints alone, as DevStack's.
    more = {"www_authenticate_uri": stack.settings["KEYSTONE_SERVICE_URI"], "interface": "public"}
    return {**credentials(stack, user), **more}


def authtoken(stack: Stack, user: str) -> str:
    """Return the whole block [keystone_authtoken] for a service that logs in as `user`."""
    return conf_files.text({"keystone_authtoken": authtoken_options(stack, user)})


def key(stack: Stack, *more: str) -> str:
    """Return what accounts are made from, with `more`: for `Unchanged`.

    It changes if Keystone's database is recreated.
    """
    names = ("KEYSTONE_SERVICE_URI", "REGION_NAME", "SERVICE_PROJECT_NAME", "SERVICE_DOMAIN_NAME")
    settings = (stack.settings[name] for name in names)
    store = mariadb.schema_key(stack, "keystone")
    return digest(store, stack.password(_PASSWORD), *settings, *more)


def _create_account(stack: Stack, identity: Any, user: str) -> None:
    objects = NamedObjects()
    objects.create_user(identity, user, stack.password(_PASSWORD))
    user_id = objects.id(identity, "user", user, DEFAULT_DOMAIN)
    domain = objects.id(identity, "domain", stack.settings["SERVICE_DOMAIN_NAME"])
    project = objects.id(identity, "project", stack.settings["SERVICE_PROJECT_NAME"], domain)
    for role in ("service", "admin") if user in ADMINS else ("service",):
        role_id = objects.id(identity, "role", role)
        identity.assign_project_role_to_user(project, user_id, role_id)


def _service(identity: Any, type_: str, name: str) -> Any:
    key = {"type": type_, "name": name}
    return get_or_create(
        lambda: first(identity.services(**key)), partial(identity.create_service, **key)
    )


def _endpoint(stack: Stack, identity: Any, service_id: str, where: tuple[str, str]) -> None:
    """Make the endpoint of a service, or give it the right URL; `where` is interface and URL."""
    interface, url = where
    region = stack.settings["REGION_NAME"]
    key_ = {"service_id": service_id, "interface": interface, "region_id": region}
    create = partial(identity.create_endpoint, **key_, url=url)
    endpoint = get_or_create(lambda: first(identity.endpoints(**key_)), create)
    if endpoint.url != url:
        identity.update_endpoint(endpoint, url=url)
