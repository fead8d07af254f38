"""Debian's packages that services need, installed by apt as a future.

No daemon of a package starts: services run under the stack's own supervisor.
"""

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from doitstack import Stack, Step, async_run, hookimpl, run
from doitstack.errors import StepError
from doitstack.processes.root import root_command
from doitstack_plugins.cinder.enabled_backends import LVM, of_kind
from doitstack_plugins.ovn.places import AGENTS as OVN_AGENTS

FUTURE = "install_system_packages"
"""The future for which services wait that need a package of the system."""

PACKAGES: Mapping[str, tuple[str, ...]] = {
    "mysql": ("mariadb-server", "memcached"),
    "rabbit": ("rabbitmq-server",),
    "memcached": ("memcached",),
    "etcd3": ("etcd-server",),
    "s-proxy": ("liberasurecode1", "memcached"),
    "ovn-controller": ("openvswitch-switch", "ovn-host", "iproute2"),
    "ovn-northd": ("ovn-central",),
    **dict.fromkeys(OVN_AGENTS, ("haproxy", "iptables")),
}
"""The packages that each service needs."""

GUESTS = (
    *("qemu-system-x86", "qemu-utils", "libvirt-daemon", "libvirt-daemon-driver-qemu"),
    *(
        "libvirt-clients",
        "openssh-client",
        "libvirt-dev",
        "gcc",
        "pkg-config",
        "syslinux",
        "syslinux-common",
        "mtools",
        "e2fsprogs",
    ),
)
"""The packages for guests, for their image, and to compile libvirt's bindings for Python."""

_VOLUME_GROUPS = ("lvm2", "thin-provisioning-tools")
"""The packages for volumes in LVM."""

_PING = ("iputils-ping",)
"""What Tempest runs to see whether a guest answers."""

services = (*PACKAGES, "n-cpu", "c-vol")

_INSTALL = """\
set -e
policy=/usr/sbin/policy-rc.d
mark='# made by doitstack while it installs packages'
exec 9</var/lib/dpkg
flock 9
if [ ! -e "$policy" ] || grep -qxF "$mark" "$policy"; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\\n%s\\nexit 101\\n' "$mark" >"$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
install() {
    apt-get -o DPkg::Lock::Timeout=600 install --yes --no-install-recommends "$@"
}
install "$@" || { dpkg --configure -a; apt-get update; install "$@"; }
"""
"""Installs its arguments: one apt at a time, started daemons refused, stale lists renewed."""


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """Check that what is missing can be installed."""
    yield run(check_system_packages, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install what is missing, in the background."""
    good = [partial(are_installed, stack)]
    if wanted(stack):
        yield async_run(FUTURE, install_system_packages, lock="apt", uptodate=good)


def wanted(stack: Stack) -> list[str]:
    """Return the packages that the enabled services need."""
    needed = [PACKAGES[name] for name in PACKAGES if stack.is_service_enabled(name)]
    if has_guests(stack):
        needed += [GUESTS, _headers()]
        if stack.is_service_enabled("tempest"):
            needed.append(_PING)
    if of_kind(stack, LVM):
        needed.append(_VOLUME_GROUPS)
    return sorted({package for packages in needed for package in packages})


def has_guests(stack: Stack) -> bool:
    """Return whether servers are guests of libvirt."""
    return stack.is_service_enabled("n-cpu") and stack.settings.get("VIRT_DRIVER") == "libvirt"


def _headers() -> tuple[str, ...]:
    """Return the package of the headers of our Python, if that is Debian's."""
    return ("python3-dev",) if sys.base_prefix == "/usr" else ()


def missing(stack: Stack) -> list[str]:
    """Return those of the wanted packages that are not installed."""
    there = installed(stack)
    return [package for package in wanted(stack) if package not in there]


def installed(stack: Stack) -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    form = "${db:Status-Status} ${Package} ${Version}\\n"
    lines = stack.output_of(["dpkg-query", "--show", f"--showformat={form}"]).splitlines()
    words = (line.split() for line in lines)
    return {one[1]: one[2] for one in words if one[0] == "installed"}


def candidates(stack: Stack, packages: list[str]) -> dict[str, str]:
    """Return the versions that apt would install, of those packages that are in its lists."""
    known, package = {}, ""
    words = ["apt-cache", "policy", *packages]
    for line in stack.output_of(words, env={"LC_ALL": "C"}).splitlines():
        if not line.startswith(" "):
            package = line.rstrip(":")
        elif line.strip().startswith("Candidate:") and "(none)" not in line:
            known[package] = line.split()[-1]
    return known


def are_installed(stack: Stack) -> bool:
    """Return whether all wanted packages are there; good as `uptodate`."""
    return _has_apt() and not missing(stack)


def check_system_packages(stack: Stack) -> None:
    """Raise StepError, with all problems and their solutions, if apt could not install."""
    if not _has_apt():
        names = ", ".join(name for name in PACKAGES if stack.is_service_enabled(name))
        raise StepError(
            f"{names} need packages of Debian or Ubuntu, but there is no apt here; "
            "remove them from ENABLED_SERVICES in local.conf"
        )
    if not missing(stack):
        return
    problems = [*_privilege_problems(stack), *_candidate_problems(stack)]
    if problems:
        raise StepError("packages of the system are missing\n" + "\n".join(problems))


def install_system_packages(stack: Stack) -> None:
    """Install the missing packages, without questions and without starting daemons."""
    with stack.timed("apt-get"):
        stack.run([*(root_command() or []), "sh", "-c", _INSTALL, "apt-get", *missing(stack)])


def unpack(stack: Stack, directory: Path, packages: Callable[[], Iterable[str]]) -> None:
    """Unpack packages into `directory`, without installing them. Raises StepError.

    If apt's lists are missing or older than what is in the archive, they are fetched, and
    `packages` is asked once more.
    """
    try:
        _download(stack, directory, packages())
    except StepError:
        if not _update(stack):
            raise
        _download(stack, directory, packages())
    for package in sorted(directory.glob("*.deb")):
        stack.run(["dpkg-deb", "--extract", package, directory])
        package.unlink()


def _download(stack: Stack, directory: Path, packages: Iterable[str]) -> None:
    # Root's apt would download as another user, who cannot write here.
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", *packages]
    stack.run(command, cwd=directory)


def _update(stack: Stack) -> bool:
    """Fetch apt's lists, one apt at a time; return whether we may. Raises CommandError."""
    root = root_command()
    if root is not None:
        stack.run([*root, "flock", "/var/lib/dpkg", "apt-get", "update"])
    return root is not None


def _has_apt() -> bool:
    return all(shutil.which(name) for name in ("dpkg-query", "apt-get", "apt-cache"))


def _privilege_problems(stack: Stack) -> Iterator[str]:
    if root_command() is None:
        words = " ".join(("apt-get install --no-install-recommends", *missing(stack)))
        yield f"only root can install them; run: sudo {words}"


def _candidate_problems(stack: Stack) -> Iterator[str]:
    unknown = _without_candidate(stack)
    if unknown and _update(stack):
        unknown = _without_candidate(stack)
    if unknown:
        names = ", ".join(unknown)
        yield f"apt has no {names}; check /etc/apt/sources.list, then run: sudo apt-get update"


def _without_candidate(stack: Stack) -> list[str]:
    """Return the missing packages that are not in apt's lists."""
    absent = missing(stack)
    known = candidates(stack, absent)
    return [name for name in absent if name not in known]
