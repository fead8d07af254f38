"""The cloud as its administrator uses it: connections of openstacksdk, get-or-create.

Knows no service: where Keystone is stands in the settings.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from doitstack.errors import ServiceError
from doitstack.stack import Stack

ADMIN_PASSWORD = "ADMIN_PASSWORD"  # noqa: S105 - its name, not the password
DEFAULT_DOMAIN = "default"
"""The id of the domain that keystone makes itself."""


def import_sdk(stack: Stack) -> None:
    """Import the SDK, so that processes forked later need not: the import takes over a second."""
    importlib.import_module("openstack.identity.v3._proxy")
    importlib.import_module("openstack.connection")


@contextmanager
def identity_api(stack: Stack) -> Iterator[Any]:
    """Yield the SDK's identity API for the administrator, on a separate connection.

    Raises ServiceError if keystone refuses something or does not answer.
    """
    with _connection(stack, _lasting_login(*_administrator(stack))) as connection:
        yield connection.identity


@contextmanager
def cloud(stack: Stack) -> Iterator[Any]:
    """Yield a connection of the SDK for the administrator: its attributes are the services' APIs.

    It logs in again, since the catalog comes with the token and may have new services. Raises
    ServiceError if a service refuses something or does not answer.
    """
    with _connection(stack, _login(*_administrator(stack))) as connection:
        yield connection


def get_or_create(find: Callable[[], Any], create: Callable[[], Any]) -> Any:
    """Return what `find` returns; if that is None, what `create_or_get` does."""
    found = find()
    return create_or_get(create, find) if found is None else found


def create_or_get(create: Callable[[], Any], find: Callable[[], Any]) -> Any:
    """Return what `create` returns; if another process was first, what `find` returns.

    Raises what `create` raises, also if `find` returns None.
    """
    try:
        return create()
    except Exception as error:
        from openstack.exceptions import ConflictException  # noqa: PLC0415 - slow to import

        found = find() if isinstance(error, ConflictException) else None
        if found is None:
            raise
        return found


def first(found: Iterable[Any]) -> Any:
    """Return the first of what the SDK lists, or None."""
    return next(iter(found), None)


@contextmanager
def _connection(stack: Stack, auth: Any) -> Iterator[Any]:
    # Only those who need the SDK pay for its import.
    import requests  # noqa: PLC0415
    from keystoneauth1.exceptions import ClientException  # noqa: PLC0415
    from keystoneauth1.session import Session  # noqa: PLC0415
    from openstack.connection import Connection  # noqa: PLC0415
    from openstack.exceptions import SDKException  # noqa: PLC0415

    with requests.Session() as http:
        http.trust_env = False  # no proxy stands between us and our own service
        try:
            yield Connection(
                session=Session(auth=auth, session=http),
                region_name=stack.settings["REGION_NAME"],
                interface="public",
                identity_interface="public",
                identity_api_version="3",
            )
        except (SDKException, ClientException) as error:
            uri = stack.settings["KEYSTONE_SERVICE_URI_V3"]
            raise ServiceError(f"the cloud at {uri}: {error}") from error


def _administrator(stack: Stack) -> tuple[str, str]:
    """Return where the administrator logs in, and the password."""
    return stack.settings["KEYSTONE_SERVICE_URI_V3"], stack.password(ADMIN_PASSWORD)


def _login(auth_url: str, password: str) -> Any:
    """Return a login with the first request, which takes a new token when one is refused."""
    from keystoneauth1.identity.v3 import Password  # noqa: PLC0415 - as above

    return Password(
        auth_url=auth_url,
        username="admin",
        password=password,
        project_name="admin",
        user_domain_id=DEFAULT_DOMAIN,
        project_domain_id=DEFAULT_DOMAIN,
    )


@cache
def _lasting_login(auth_url: str, password: str) -> Any:
    """Return the same login for all connections of this process and of those it forks later.

    Its token stays in memory. Keystone itself has been in the catalog from the beginning.
    """
    return _login(auth_url, password)
