"""The environment variables that a run sets for its programs."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from doitstack.config import etc_links
from doitstack.config.addresses import socket_host
from doitstack.config.cache_directories import uv_variables
from doitstack.config.settings import is_hidden
from doitstack.processes.left_running import STACK_MARK, stack_mark
from doitstack.stack import Stack

CERTIFICATES = Path("/etc/ssl/certs")
"""The directory of the certificates that the system trusts."""

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

_ROOTS_PROGRAMS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Directories of programs that scripts use and that not every user has in PATH."""


@contextmanager
def run_environment(stack: Stack, more: Mapping[str, str]) -> Iterator[None]:
    """Set the environment in which programs find `$DEST/bin` first, and only the cloud of `stack`.

    Args:
        more: more variables to set.

    DevStack writes `/etc/openstack/clouds.yaml` instead and exports OS_CLOUD: some of its scripts
    use `--os-cloud devstack-admin`, others name no cloud.
    """
    before = dict(os.environ)
    path = (str(stack.dest / "bin"), *stack.settings.get("PATH", os.defpath).split(":"))
    ours = {
        "PATH": ":".join(dict.fromkeys((*path, *_ROOTS_PROGRAMS))),
        # Scripts parse the output of programs.
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "",
        "OS_CLIENT_CONFIG_FILE": str(stack.dest / "clouds.yaml"),
        "UV_SYSTEM_CERTS": stack.settings.get("UV_SYSTEM_CERTS") or _system_certs(),
        "OS_CLOUD": stack.settings.get("OS_CLOUD", "devstack-admin"),
        **uv_variables(stack.settings),
        **_proxies(stack),
        **etc_links.variables(stack.settings),
        **more,
    }
    for name in before:
        if is_hidden(name):
            del os.environ[name]
    os.environ.update(ours)
    os.environ[STACK_MARK] = stack_mark(stack.dest)
    stack.settings.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _proxies(stack: Stack) -> dict[str, str]:
    """Return the variables of proxies, and of hosts without a proxy: those of the stack too."""
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
    """Return whether uv uses the certificates of the system, as pip and git do.

    These may include that of a company's proxy. If the system has none, uv uses its own list.
    """
    return "true" if CERTIFICATES.is_dir() and any(CERTIFICATES.iterdir()) else "false"
