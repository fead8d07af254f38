"""Where keystone is and who its administrator is: what other services and clients need of it."""

import importlib

from doitstack import Settings, Stack


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
