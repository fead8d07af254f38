"""Where keystone is and who its administrator is: what other services and clients need of it."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from doitstack import Settings, Stack
from doitstack.errors import ServiceError

ADMIN_PASSWORD = "ADMIN_PASSWORD"  # noqa: S105 - its name, not the password
DEFAULT_DOMAIN = "default"
"""The id of the domain that keystone makes itself."""


def set_defaults(settings: Settings) -> None:
    """Set the defaults that DevStack's lib/keystone sets. Raises SettingsError for a bad port."""
    host = settings.default("KEYSTONE_SERVICE_HOST", settings["SERVICE_HOST"])
    protocol = settings.default("SERVICE_PROTOCOL", "http")
    protocol = settings.default("KEYSTONE_SERVICE_PROTOCOL", protocol)
    settings.default("KEYSTONE_SERVICE_PORT", "5000")
    port = settings.port("KEYSTONE_SERVICE_PORT")
    address = f"[{host}]" if ":" in host else host
    uri = settings.default("KEYSTONE_SERVICE_URI", f"{protocol}://{address}:{port}")
    settings.default("KEYSTONE_SERVICE_URI_V3", f"{uri}/v3")
    settings.default("KEYSTONE_AUTH_URI", uri)
    settings.default("KEYSTONE_CONF_DIR", f"{settings['DATA_DIR']}/keystone/etc")
    settings.default("SERVICE_PROJECT_NAME", "service")
    settings.default("SERVICE_DOMAIN_NAME", "Default")


def import_sdk(stack: Stack) -> None:
    """Import the SDK, so that what is forked from here need not: it takes over a second."""
    importlib.import_module("openstack.identity.v3._proxy")
    importlib.import_module("openstack.connection")


@contextmanager
def identity_api(stack: Stack) -> Iterator[Any]:
    """Give the SDK's identity API, as the administrator, on a connection of its own.

    Raises ServiceError where keystone refuses something or does not answer.
    """
    with _connection(stack, _lasting_login(*_administrator(stack))) as connection:
        yield connection.identity


@contextmanager
def cloud(stack: Stack) -> Iterator[Any]:
    """Give a connection of the SDK, as the administrator: its attributes are the services' APIs.

    It logs in anew: the catalog comes with the token, and may have new services since the last one.
    Raises ServiceError where a service refuses something or does not answer.
    """
    with _connection(stack, _login(*_administrator(stack))) as connection:
        yield connection


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
    """Return who logs in with the first request, and takes a new token when one is refused."""
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
    """Return the same login for all connections of this process and of what it forks then.

    Its token stays in memory. Keystone itself has been in the catalog from the beginning.
    """
    return _login(auth_url, password)
