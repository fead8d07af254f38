"""Commands that configure Open vSwitch and OVN, and look at them."""

import subprocess
from pathlib import Path

from doitstack import Stack
from doitstack_plugins.ovn.places import database

_NODE_SECONDS, _NORTHBOUND_SECONDS = 60, 5
"""The time limits of a command; the wait for the second one is repeated."""


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
