"""What the programs of a run find in their environment, beside what the user's shell gave it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from doitstack.config.addresses import socket_host
from doitstack.config.cache_directories import uv_variables
from doitstack.config.settings import is_hidden
from doitstack.stack import Stack

CERTIFICATES = Path("/etc/ssl/certs")
"""Where a system keeps the certificates that it trusts."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

_ROOTS_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where scripts look for programs, too, which not every user has in PATH."""


@contextmanager
def run_environment(stack: Stack, more: Mapping[str, str]) -> Iterator[None]:
    """Have all that the run starts find the programs in `$DEST/bin` first, and this cloud alone.

    `more` are variables that it finds, too.

    DevStack writes `/etc/openstack/clouds.yaml` instead, and exports OS_CLOUD: some of its scripts
    name a cloud by `--os-cloud devstack-admin`, some none.
    """
    before = dict(os.environ)
    path = (str(stack.dest / "bin"), *stack.settings.get("PATH", os.defpath).split(":"))
    ours = {
        "PATH": ":".join(dict.fromkeys((*path, *_ROOTS_PROGRAMS))),
        # Scripts read what programs print.
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "",
        "OS_CLIENT_CONFIG_FILE": str(stack.dest / "clouds.yaml"),
        "UV_SYSTEM_CERTS": stack.settings.get("UV_SYSTEM_CERTS") or _system_certs(),
        "OS_CLOUD": stack.settings.get("OS_CLOUD", "devstack-admin"),
        **uv_variables(stack.settings),
        **_proxies(stack),
        **more,
    }
    for name in before:
        if is_hidden(name):
            del os.environ[name]
    os.environ.update(ours)
    stack.settings.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _proxies(stack: Stack) -> dict[str, str]:
    """Return the proxies, `local.conf`'s too, and what keeps the stack's own services from them."""
    settings = stack.settings
    proxies = {name: settings[name] for name in _PROXIES if settings.get(name)}
    if not proxies:
        return {}
    known = settings.get("no_proxy") or settings.get("NO_PROXY")
    hosts = (settings["HOST_IP"], settings["SERVICE_HOST"])
    own = ("localhost", "127.0.0.1", *map(socket_host, hosts))
    names = ",".join(dict.fromkeys((*filter(None, known.split(",")), *own)))
    return {**proxies, "no_proxy": names, "NO_PROXY": names}


def _system_certs() -> str:
    """Tell uv to trust whom the system trusts, as pip and git do: a company's proxy, say.

    By itself it trusts its own list. Where the system has none, that is all there is.
    """
    return "true" if CERTIFICATES.is_dir() and any(CERTIFICATES.iterdir()) else "false"
