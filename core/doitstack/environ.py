"""What the programs of a run find in their environment, beside what the user's shell gave it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from doitstack.settings import is_passed_over
from doitstack.stack import Stack

CERTIFICATES = Path("/etc/ssl/certs")
"""Where a system keeps the certificates that it trusts."""

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
        **more,
    }
    for name in before:
        if is_passed_over(name):
            del os.environ[name]
    os.environ.update(ours)
    stack.settings.update(ours)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _system_certs() -> str:
    """Tell uv to trust whom the system trusts, as pip and git do: a company's proxy, say.

    By itself it trusts its own list. Where the system has none, that is all there is.
    """
    return "true" if CERTIFICATES.is_dir() and any(CERTIFICATES.iterdir()) else "false"
