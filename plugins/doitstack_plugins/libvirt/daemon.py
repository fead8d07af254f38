"""libvirtd: private to the stack, with its own directories, in the node's namespaces."""

import socket
from functools import partial

from doitstack import Stack
from doitstack.private_files import write_private
from doitstack.uptodate import digest
from doitstack_plugins.libvirt import node
from doitstack_plugins.shared import health

SERVICE = "libvirtd"
URI = "qemu:///system"
"""The address of libvirt in the node: libvirt's own, as its directories are there."""

_VIRSH = ("virsh", "--quiet", "--connect", URI)

_SOCKET = "run/libvirt/libvirt-sock"

_DAEMON = """\
unix_sock_dir = "/run/libvirt"
unix_sock_rw_perms = "0700"
auth_unix_ro = "none"
auth_unix_rw = "none"
log_outputs = "3:stderr"
host_uuid = "{uuid}"
"""

# All runs as root, as the stack does: neither accounts nor files of the system are changed for it.
# virtlogd, which would be one more daemon, is not needed for consoles in files.
_QEMU = """\
user = "root"
group = "root"
dynamic_ownership = 0
security_driver = "none"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
"""


def start(stack: Stack) -> None:
    """Start libvirtd in the node, and wait until it answers; guests that run go on.

    It asks each emulator that is installed what it can do, once, which takes half a second each; so
    it is asked for that now, not first by a compute for which all wait.
    """
    node.start(stack)
    conf = _DAEMON.format(uuid=_identity(stack))
    write_private(node.place(stack, "etc/libvirt/libvirtd.conf"), conf)
    write_private(node.place(stack, "etc/libvirt/qemu.conf"), _QEMU)
    argv = [*node.command(stack, in_network=True), "/usr/sbin/libvirtd"]
    argv += ["--config", "/etc/libvirt/libvirtd.conf", "--pid-file", "/run/libvirt/libvirtd.pid"]
    env = {"LIBVIRT_GENERATION": digest(conf, _QEMU)}
    with stack.timed("run_process"):
        stack.run_process(SERVICE, argv, env=env, wait=False)
    health.wait_until(stack, SERVICE, partial(_is_listening, stack))
    stack.output_of([*node.command(stack), *_VIRSH, "capabilities"])


def stop(stack: Stack) -> None:
    """Stop libvirtd; guests go on."""
    stack.stop_process(SERVICE)


def forget_guests(stack: Stack) -> None:
    """End and remove all guests that libvirt knows."""
    virsh = [*node.command(stack), *_VIRSH]
    running = stack.output_of([*virsh, "list", "--name"]).split()
    for name in running:
        stack.run([*virsh, "destroy", name])
    for name in stack.output_of([*virsh, "list", "--all", "--name"]).split():
        stack.run([*virsh, "undefine", "--managed-save", "--snapshots-metadata", name])


def _identity(stack: Stack) -> str:
    """Return the UUID of the host in libvirt; the machine's own may be missing or not unique."""
    text = digest(str(node.root(stack)))
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:32]))


def _is_listening(stack: Stack) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            # Its own path may be too long for a socket.
            probe.connect(str(node.seen_inside(stack, _SOCKET)))
    except OSError:
        return False
    return True
