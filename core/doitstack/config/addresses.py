"""Hosts of the settings, as sockets take them and as URLs write them.

A setting may have brackets around an IPv6 address, as DevStack's SERVICE_HOST, or none.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address


def socket_host(host: str) -> str:
    """Return `host` without brackets: to listen on, to connect to, and for `no_proxy`."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def url_host(host: str) -> str:
    """Return `host` as it is written in a URL: an IPv6 address has brackets."""
    bare = socket_host(host)
    return f"[{bare}]" if ":" in bare else bare


def is_host(host: str) -> bool:
    """Return whether `host` is an IP address, or looks like the name of a host."""
    bare = socket_host(host)
    if ":" not in bare and not re.fullmatch(r"[0-9.]*", bare):
        return re.fullmatch(r"\w([\w.-]*\w)?\.?", bare) is not None
    try:
        ip_address(bare)
    except ValueError:
        return False
    return True


def host_address(settings: Mapping[str, str]) -> str:
    """Return the address of this machine: HOST_IPV6 if SERVICE_IP_VERSION is 6, else HOST_IP."""
    name = "HOST_IPV6" if settings["SERVICE_IP_VERSION"] == "6" else "HOST_IP"
    return socket_host(settings[name])


def has_other_hosts(settings: Mapping[str, str]) -> bool:
    """Return whether a stack has hosts other than this one."""
    return any(settings.get(name) for name in ("HOSTS", "HOSTS_FILE", "ALL_HOSTS"))
