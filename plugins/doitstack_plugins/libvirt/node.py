"""The node: namespaces of its own in which libvirt, the compute and the volume service run.

A process holds them: of mounts, of the host's name and, if there is one, of the stack's network. In
them, libvirt finds private directories in the place of the system's, and volumes are mounted where
nobody else sees it. All of it is gone when the last process in them has ended, guests included.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from doitstack import Stack
from doitstack.config.dest_directory import discard
from doitstack.errors import ServiceError
from doitstack.private_files import private_directory, read_regular, write_private
from doitstack.processes.tree import end_processes
from doitstack_plugins.ovn import namespace, places
from doitstack_plugins.shared import health

SERVICE = "node"
"""The name of the process that holds the namespaces."""

LIBVIRT_PLACES = (
    *("etc/libvirt", "run/libvirt"),
    *("var/lib/libvirt", "var/cache/libvirt", "var/log/libvirt"),
)
"""The private directories, below `places`, each at its path in the system."""

_PROGRAMS = Path(__file__).with_name("programs")
"""Programs that come before the system's in the node: volumes in files are mounted by them."""

_WITH_PROGRAMS = 'PATH="$0:$PATH:/usr/sbin:/sbin" exec "$@"'

_SCRIPT = Path(__file__).with_name("node.sh")
_MARK = "run/libvirt"
"""The place by which processes of the node are known."""

_PARENTS = ("/run", "/var/lib", "/var/cache", "/var/log")
"""Directories of the system in which the node sees nothing that is mounted."""

_LIBVIRT_USER = "libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin\n"
_LIBVIRT_GROUPS = "kvm:x:64056:\nlibvirt:x:64057:\nlibvirt-qemu:x:64055:\n"
_BLOCKS = Path("/sys/block")
_END_SECONDS = 5
_LOOK_AGAIN_SECONDS = 0.05


def root(stack: Stack) -> Path:
    """Return the directory of the node's files."""
    return stack.data_dir / "node"


def place(stack: Stack, path: str) -> Path:
    """Return the file or directory that is at `/path` in the node."""
    return root(stack) / "places" / path


def is_hidden(path: Path) -> bool:
    """Return whether the node does not see what is below `path` as others do."""
    return any(path.is_relative_to(parent) for parent in _PARENTS)


def start(stack: Stack) -> None:
    """Start the process that holds the namespaces, unless it runs, and wait until they are made."""
    name = stack.settings["LOCAL_HOSTNAME"]
    if not any(processes(stack)):
        # What a reboot has left says of guests that they run.
        discard(stack.settings, place(stack, "run"))
    for path in (*LIBVIRT_PLACES, "etc"):
        private_directory(place(stack, path))
    private_directory(root(stack) / "mounts")
    _write_accounts(stack, name)
    stack.run_process(SERVICE, [*_own_namespaces(stack), _SCRIPT, root(stack), name], wait=False)
    health.wait_until(stack, SERVICE, partial(_is_ready, stack))


def command(stack: Stack, *, in_network: bool = False) -> list[str]:
    """Return the prefix of a command that runs it in the node, which must run.

    It runs in the network of the host, where services are, or in that of guests.
    """
    network = ["--net"] if in_network else []
    enter = ["nsenter", "--target", str(_pid(stack)), "--mount", "--uts", *network, "--"]
    return [*enter, "sh", "-c", _WITH_PROGRAMS, str(_PROGRAMS)]


def network(stack: Stack) -> Path:
    """Return the network namespace of guests; it changes with each start of the node."""
    return Path(f"/proc/{_pid(stack)}/ns/net")


def sockets(stack: Stack) -> Path:
    """Return the list of the sockets in the network of guests."""
    return Path(f"/proc/{_pid(stack)}/net/tcp")


def processes(stack: Stack) -> Iterator[int]:
    """Yield the pids of all processes in the node, of a killed stack, too."""
    mark = place(stack, _MARK)
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (entry / "root" / _MARK).samefile(mark):
                yield int(entry.name)


def stop(stack: Stack) -> None:
    """End everything in the node; its guests are killed. Raises ServiceError if one stays."""
    stack.stop_process(SERVICE)
    while found := set(processes(stack)):
        if left := end_processes(found, grace=_END_SECONDS):
            names = ", ".join(map(str, sorted(left)))
            raise ServiceError(f"these processes of the node do not end: {names}")
    _wait_for_loop_devices(stack)


def _wait_for_loop_devices(stack: Stack) -> None:
    """Wait until the kernel has undone the mounts, which it does a moment after the last end."""
    ours, deadline = str(stack.data_dir), time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline and any(
        file.startswith(f"{ours}/") for file in _loop_files()
    ):
        stack.sleep(_LOOK_AGAIN_SECONDS)


def _loop_files() -> Iterator[str]:
    """Yield the files of loop devices that the kernel frees with their mounts."""
    for path in _BLOCKS.glob("loop*/loop"):
        with suppress(OSError):
            if (path / "autoclear").read_text(encoding="utf-8").strip() == "1":
                yield (path / "backing_file").read_text(encoding="utf-8")


def remove(stack: Stack) -> None:
    """Remove the node's files."""
    discard(stack.settings, root(stack))


def _own_namespaces(stack: Stack) -> list[str | Path]:
    """Return the prefix of a command that runs it in new namespaces, in the network of guests."""
    prefix: list[str | Path] = []
    if places.is_enabled(stack):
        namespace.start(stack)
        # Another generation starts another node.
        prefix = [namespace.enter(stack), "env", f"NODE_NETWORK={namespace.generation(stack)}"]
    return [*prefix, "unshare", "--mount", "--uts", "--propagation", "slave", "sh"]


def _write_accounts(stack: Stack, name: str) -> None:
    """Add accounts that libvirt looks up, though no guest uses them, and the node's own name."""
    added = {
        "passwd": _LIBVIRT_USER,
        "group": _LIBVIRT_GROUPS,
        "hosts": f"127.0.1.1 {name}\n",
    }
    for file, lines in added.items():
        system = read_regular(Path("/etc", file)).decode(errors="surrogateescape")
        write_private(place(stack, f"etc/{file}"), _with_lines(system, lines))
        place(stack, f"etc/{file}").chmod(0o644)


def _with_lines(text: str, lines: str) -> str:
    """Return `text` with those lines before which it has none of the same first word."""
    words = {line.partition(":")[0] for line in text.splitlines()}
    added = [line for line in lines.splitlines() if line.partition(":")[0] not in words]
    return "\n".join((*added, text))


def seen_inside(stack: Stack, path: str) -> Path:
    """Return where others find what is at `/path` in the node, which must run."""
    return Path(f"/proc/{_pid(stack)}/root/{path}")


def _is_ready(stack: Stack) -> bool:
    return _ready_pid(stack) in stack.services.pids(SERVICE)


def _pid(stack: Stack) -> int:
    """Return the process that holds the namespaces. Raises ServiceError if there is none."""
    if not _is_ready(stack):
        raise ServiceError(f"the process {SERVICE} does not run; run doit stack")
    return _ready_pid(stack)


def _ready_pid(stack: Stack) -> int:
    with suppress(OSError, ValueError):
        return int((root(stack) / "ready").read_text())
    return 0
