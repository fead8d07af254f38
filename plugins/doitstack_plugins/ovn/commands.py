"""Commands that configure Open vSwitch and OVN, and look at them."""

import shlex
import subprocess
from pathlib import Path

from doitstack import Stack
from doitstack.private_files import private_directory, write_private
from doitstack_plugins.ovn.places import database, root

_NODE_SECONDS, _NORTHBOUND_SECONDS = 60, 5
"""The time limits of a command; the wait for the second one is repeated."""

_PROGRAMS = {
    "ovs-vsctl": "--db=unix:{}/conf.sock",
    "ovs-appctl": "--target={}/ovs-vswitchd.ctl",
    "ovs-ofctl": "",
}
"""The programs that scripts call without an address, as in DevStack, and how they get that of the
stack. `ovs-ofctl` looks for its bridge in the directory."""


def offer(stack: Stack) -> None:
    """Make programs in `$DEST/bin`, which scripts find first, that use what runs in this stack.

    Options that they are called with count more.
    """
    directory = private_directory(stack.dest / "bin")
    where = str(root(stack))
    options = {name: option.format(where) for name, option in _PROGRAMS.items()}
    options |= {f"ovn-{kind}ctl": f"--db={database(stack, kind)}" for kind in ("nb", "sb")}
    for name, option in options.items():
        words = shlex.join(filter(None, (f"/usr/bin/{name}", option)))
        path = directory / name
        write_private(
            path,
            f"#!/bin/sh\nexport OVS_RUNDIR={shlex.quote(where)} OVN_RUNDIR={shlex.quote(where)}\n"
            f'exec {words} "$@"\n',
        )
        path.chmod(0o700)


def node(stack: Stack, *words: str) -> list[str]:
    """Return the command that does `words` with this machine's Open vSwitch."""
    address = database(stack, "conf")
    return ["ovs-vsctl", f"--db={address}", f"--timeout={_NODE_SECONDS}", *words]


def northbound(stack: Stack, *words: str) -> list[str]:
    """Return the command that does `words` with OVN's northbound database."""
    address = database(stack, "nb")
    return ["ovn-nbctl", f"--db={address}", f"--timeout={_NORTHBOUND_SECONDS}", *words]


def succeeds(*words: str | Path) -> bool:
    """Return whether a short command ends with 0; what it prints is not shown."""
    nowhere = subprocess.DEVNULL
    try:
        done = subprocess.run(words, stdin=nowhere, stdout=nowhere, stderr=nowhere, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0
