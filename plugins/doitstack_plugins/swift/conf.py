"""The configuration of Swift's servers: files of paste, each with its pipeline."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from doitstack import Stack
from doitstack.config.addresses import socket_host
from doitstack_plugins.backing import memcached
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files

DEVICE = "d1"
"""The one device of the rings, a directory below `devices`."""

_PROXY_FILTERS = (
    *("catch_errors", "gatekeeper", "healthcheck", "proxy-logging", "cache", "listing_formats"),
    *("bulk", "tempurl", "authtoken", "keystoneauth", "copy", "slo", "dlo"),
    *("versioned_writes", "symlink", "proxy-logging"),
)


class Server(NamedTuple):
    """A server of swift: its name in DevStack, its kind, and the setting of its port."""

    name: str
    kind: str
    port_setting: str

    @property
    def program(self) -> str:
        """The program that serves it."""
        return f"swift-{self.kind}-server"

    @property
    def file(self) -> str:
        """The name of its configuration."""
        return f"{self.kind}-server.conf"


SERVERS = (
    Server("s-account", "account", "ACCOUNT_PORT_BASE"),
    Server("s-container", "container", "CONTAINER_PORT_BASE"),
    Server("s-object", "object", "OBJECT_PORT_BASE"),
    Server("s-proxy", "proxy", "SWIFT_SERVICE_PORT"),
)
"""In the order in which they start."""


def directory(stack: Stack) -> Path:
    """Return where configuration and rings are."""
    return stack.settings.path("SWIFT_CONF_DIR")


def devices(stack: Stack) -> Path:
    """Return the directory of devices."""
    return stack.data_dir / "swift" / "devices"


def path(stack: Stack, server: Server) -> Path:
    """Return the file of configuration of `server`."""
    return directory(stack) / server.file


def configure_swift(stack: Stack) -> None:
    """Write swift.conf and a file for each server (0600)."""
    # The hash is secret: with it, one partition of the ring could be filled on purpose.
    known = {f"swift_hash_path_{end}": stack.password("SWIFT_HASH") for end in ("prefix", "suffix")}
    policy = {"name": "Policy-0", "default": "yes"}
    common = {"swift-hash": known, "storage-policy:0": policy}
    conf_files.write(directory(stack) / "swift.conf", common, special="%")
    for server in SERVERS:
        sections = _proxy(stack) if server.kind == "proxy" else _storage(server)
        whole = {"DEFAULT": _default(stack, server), **sections}
        conf_files.write(path(stack, server), whole, special="%")


def _default(stack: Stack, server: Server) -> dict[str, str]:
    from getpass import getuser  # noqa: PLC0415 - it imports termios

    return {
        "bind_ip": socket_host(stack.settings["SWIFT_SERVICE_HOST"]),
        "bind_port": str(stack.settings.port(server.port_setting)),
        "user": getuser(),
        "swift_dir": str(directory(stack)),
        "devices": str(devices(stack)),
        "mount_check": "false",
        "workers": "0",
        "log_name": server.name,
    }


def _storage(server: Server) -> dict[str, Mapping[str, str]]:
    application = f"{server.kind}-server"
    return {
        "pipeline:main": {"pipeline": f"healthcheck {application}"},
        f"app:{application}": {"use": f"egg:swift#{server.kind}"},
        "filter:healthcheck": {"use": "egg:swift#healthcheck"},
    }


def _proxy(stack: Stack) -> dict[str, Mapping[str, str]]:
    filters: dict[str, Mapping[str, str]] = {
        f"filter:{name}": {"use": f"egg:swift#{name.replace('-', '_')}"} for name in _PROXY_FILTERS
    }
    filters["filter:cache"] = {
        "use": "egg:swift#memcache",
        "memcache_servers": memcached.server(stack),
    }
    filters["filter:authtoken"] = {
        "paste.filter_factory": "keystonemiddleware.auth_token:filter_factory",
        "delay_auth_decision": "true",
        **service_accounts.authtoken_options(stack, "swift"),
    }
    filters["filter:keystoneauth"] = {
        "use": "egg:swift#keystoneauth",
        "operator_roles": "admin, member",
        "reseller_admin_role": "ResellerAdmin",
    }
    filters["filter:versioned_writes"] = {
        "use": "egg:swift#versioned_writes",
        "allow_object_versioning": "true",
    }
    return {
        "pipeline:main": {"pipeline": " ".join((*_PROXY_FILTERS, "proxy-server"))},
        "app:proxy-server": {"use": "egg:swift#proxy", "account_autocreate": "true"},
        **filters,
    }
