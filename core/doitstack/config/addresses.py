"""Hosts of the settings, as sockets take them and as URLs write them.

A setting may have brackets around an IPv6 address, as DevStack's SERVICE_HOST, or none.
"""

from collections.abc import Mapping


def socket_host(host: str) -> str:
    """Return `host` without brackets: to listen on, to connect to, and for `no_proxy`."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def url_host(host: str) -> str:
    """Return `host` as it is written in a URL: an IPv6 address has brackets."""
    bare = socket_host(host)
    return f"[{bare}]" if ":" in bare else bare


def host_address(settings: Mapping[str, str]) -> str:
    """Return the address of this machine: HOST_IPV6 if SERVICE_IP_VERSION is 6, else HOST_IP."""
    name = "HOST_IPV6" if settings["SERVICE_IP_VERSION"] == "6" else "HOST_IP"
    return socket_host(settings[name])
