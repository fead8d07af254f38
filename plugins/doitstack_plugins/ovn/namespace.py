"""The network of a stack: a network namespace of its own, with a mount namespace.

The service `ovs-namespace` holds both. They have no name on the host: once their processes have
ended, nothing of them is left, however they ended. Two scripts run commands there:

* `enter` in both namespaces: for what makes interfaces or opens taps;
* `see` in the mount namespace alone: for daemons that talk to services of the host, and have
  helpers that `enter`.
"""

from functools import partial
from importlib.resources import files
from pathlib import Path

from doitstack import Stack
from doitstack.private_files import locked, private_directory, write_private
from doitstack_plugins.ovn.commands import succeeds
from doitstack_plugins.ovn.places import root
from doitstack_plugins.shared import health

HOLDER = "ovs-namespace"
"""The service that holds the namespaces."""

_OWN_NAMESPACES = ("unshare", "--net", "--mount", "--propagation", "slave")
"""Mounts that the host makes later, such as those of volumes, appear there, too."""


def start(stack: Stack) -> None:
    """Make the network unless it is there, and wait for it; several futures may do so at once."""
    directory = private_directory(root(stack))
    argv: list[str | Path] = [*_OWN_NAMESPACES, "sh", directory / "hold", directory]
    with locked(directory):
        _write_scripts(stack)
        stack.run_process(HOLDER, argv, wait=False)
        health.wait_until(stack, HOLDER, partial(_is_there, stack))


def enter(stack: Stack) -> Path:
    """Return the script that runs its arguments in the network."""
    return root(stack) / "enter"


def see(stack: Stack) -> Path:
    """Return the script that runs its arguments with the view of the network's interfaces."""
    return root(stack) / "see"


def generation(stack: Stack) -> str:
    """Return what identifies the network; a process of an earlier one must be restarted."""
    return (root(stack) / "holder").read_text(encoding="utf-8").strip()


def holder(stack: Stack) -> str:
    """Return the pid of the process that holds the network."""
    return generation(stack).split()[0]


def _is_there(stack: Stack) -> bool:
    return (root(stack) / "holder").exists() and succeeds(enter(stack), "true")


def _write_scripts(stack: Stack) -> None:
    package = files("doitstack_plugins.ovn")
    for name, source in {"hold": "hold.sh", "enter": "enter.sh", "see": "enter.sh"}.items():
        path = root(stack) / name
        write_private(path, (package / source).read_text(encoding="utf-8"))
        path.chmod(0o700)
