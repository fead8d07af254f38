"""A host for a test: the machine, but with a network, mounts and /run of its own."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import DOIT, StackDir

_HOLD = """\
mount -t tmpfs run /run
mkdir /run/mount /run/netns # as mount(8) and ip(8) do at their first use
ip link set lo up
echo up
exec cat
"""
_SYSTEM = (
    *("/etc/openvswitch", "/etc/ovn", "/run/openvswitch", "/run/ovn", "/var/lib/ovn"),
    *("/etc/libvirt", "/var/lib/libvirt", "/var/cache/libvirt", "/var/log/libvirt"),
)
"""The directories of the system's own Open vSwitch, OVN and libvirt."""


class PrivateHost:
    """The host; `prefix` are the words before a command that run it there."""

    def __init__(self, pid: int, kinds: tuple[str, ...]) -> None:
        self.prefix = ["nsenter", "--target", str(pid), *kinds, "--"]
        self._taken: list[StackDir] = []

    def clear_away(self) -> None:
        """End what its stacks have left running, while it is there."""
        for stack in self._taken:
            stack.clear_away()
            stack.program = DOIT

    def run(self, *words: str) -> str:
        done = subprocess.run([*self.prefix, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def take(self, stack: StackDir) -> StackDir:
        """Let the commands of a stack directory run there."""
        script = stack.path / "doit-on-host"
        script.write_text(f'#!/bin/sh\nexec {" ".join(self.prefix)} env -C "$PWD" {DOIT} "$@"\n')
        script.chmod(0o755)
        stack.program = str(script)
        self._taken.append(stack)
        return stack

    def state(self) -> dict[str, object]:
        """Return what the host has: interfaces, rules, mounts, namespaces, files of the system."""
        return {
            "links": self._lines("ip", "-o", "link"),
            "addresses": self._lines("ip", "-o", "address"),
            "routes": self._lines("ip", "route", "show", "table", "all"),
            "rules": self._lines("iptables-save"),
            "mounts": self._lines("cat", "/proc/self/mounts"),
            "run": self._lines("find", "/run"),
            "system": [_names(Path(path)) for path in _SYSTEM],
        }

    def _lines(self, *command: str) -> list[str]:
        # Counters, the time of a listing and the lifetimes of addresses are no state.
        text = re.sub(r"\[\d+:\d+\]|\d+sec", "", self.run(*command))
        return [line for line in text.splitlines() if not line.startswith("#")]


@contextmanager
def private_host(*, network: bool = True) -> Iterator[PrivateHost]:
    """Make a host; without `network` it has the machine's, for what is fetched from elsewhere."""
    kinds = ("--mount", "--net") if network else ("--mount",)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = ["unshare", *kinds, "--propagation", "private", "sh", "-e", "-c", _HOLD]
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == b"up\n"
        host = PrivateHost(holder.pid, kinds)
        try:
            yield host
        finally:
            host.clear_away()
            holder.stdin.close()


def _names(path: Path) -> list[str] | None:
    return sorted(child.name for child in path.iterdir()) if path.is_dir() else None


def system_configuration() -> dict[str, tuple[int, int, int]]:
    """Return the modes, sizes and times of the last change of all in /etc, by their paths."""
    found = {str(path): path.lstat() for path in Path("/etc").rglob("*")}
    return {path: (it.st_mode, it.st_size, it.st_mtime_ns) for path, it in found.items()}
