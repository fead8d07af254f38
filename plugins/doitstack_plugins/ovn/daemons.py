"""The daemons of Open vSwitch and OVN: what each runs, and the order in which they start.

Open vSwitch runs in the network of the stack, OVN's own daemons in that of the host.
"""

import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from doitstack import Stack
from doitstack.private_files import write_private
from doitstack.uptodate import digest
from doitstack_plugins.backing import mariadb
from doitstack_plugins.nova import conf as nova
from doitstack_plugins.ovn import between_hosts, datapath, namespace, outside
from doitstack_plugins.ovn.commands import node, northbound, offer, succeeds
from doitstack_plugins.ovn.places import database, has_databases, remote, root
from doitstack_plugins.shared import health

_DATABASES = {
    "ovsdb-server": ("conf", "/usr/share/openvswitch/vswitch.ovsschema"),
    "ovsdb-server-nb": ("nb", "/usr/share/ovn/ovn-nb.ovsschema"),
    "ovsdb-server-sb": ("sb", "/usr/share/ovn/ovn-sb.ovsschema"),
}
"""The databases, with their schemas: that of the node, OVN's northbound and southbound one."""

DAEMONS = (*_DATABASES, "ovs-vswitchd", "ovn-northd", "ovn-controller")
"""The services, in the order in which they start."""

_OF_NODE = "ovsdb-server"
_IN_NETWORK = (_OF_NODE, "ovs-vswitchd")
"""Those that make and see interfaces of the stack's network; others talk to other hosts."""

_LOG = ("-vconsole:info", "-vsyslog:off", "-vfile:off")
_INTEGRATION_BRIDGE = "br-int"


def start(stack: Stack) -> None:
    """Start what does not run, restart what runs from something else, and wait for all of it."""
    offer(stack)
    namespace.start(stack)
    if has_databases(stack):
        _forget_other_neutron(stack)
    for name in _DATABASES:
        if name == _OF_NODE or has_databases(stack):
            _serve_database(stack, name)
    _describe_node(stack)
    conf = database(stack, "conf")
    _run(stack, "ovs-vswitchd", [conf, f"--unixctl={root(stack)}/ovs-vswitchd.ctl"])
    if has_databases(stack):
        sides = [f"--ovnnb-db={database(stack, 'nb')}", f"--ovnsb-db={database(stack, 'sb')}"]
        _run(stack, "ovn-northd", [*sides, f"--unixctl={root(stack)}/ovn-northd.ctl"])
    _run(stack, "ovn-controller", [conf])
    _make_bridges(stack)
    between_hosts.connect(stack)
    if has_databases(stack):
        outside.connect(stack)
        _wait_for_controller(stack)


def is_connected(stack: Stack) -> bool:
    """Return whether `ovn-controller` is connected to the southbound database."""
    # It takes no name for its socket.
    pids = stack.services.pids("ovn-controller")
    return any(_status(root(stack) / f"ovn-controller.{pid}.ctl") == "connected" for pid in pids)


def _wait_for_controller(stack: Stack) -> None:
    """Wait until what is in the northbound database works here; other hosts may be away."""
    where = "sb" if between_hosts.is_wanted(stack.settings) else "hv"
    is_in_step = partial(succeeds, *northbound(stack, f"--wait={where}", "sync"))
    health.wait_until(stack, "ovn-controller", is_in_step)
    health.wait_until(stack, "ovn-controller", partial(is_connected, stack))


def _status(control: Path) -> str:
    words = ["ovn-appctl", "-t", str(control), "connection-status"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


def stop(stack: Stack) -> None:
    """Stop all of them, and with the last one the network and all that is in it."""
    stack.stop_process(*DAEMONS, between_hosts.SERVICE, namespace.HOLDER)


def generation(stack: Stack) -> str:
    """Return what processes of this network must be made from."""
    return digest(namespace.generation(stack), mariadb.schema_key(stack, "neutron"))


def knows_neutron(stack: Stack) -> bool:
    """Return whether OVN's databases are those of a Neutron."""
    return _known_neutron(stack).exists()


def _known_neutron(stack: Stack) -> Path:
    return root(stack) / "neutron"


def _forget_other_neutron(stack: Stack) -> None:
    """Remove OVN's databases if they describe the networks of a database that is gone."""
    if write_private(_known_neutron(stack), mariadb.schema_key(stack, "neutron")):
        stack.stop_process("ovn-northd", "ovsdb-server-nb", "ovsdb-server-sb")
        for name in ("nb", "sb"):
            (root(stack) / f"{name}.db").unlink(missing_ok=True)


def _serve_database(stack: Stack, name: str) -> None:
    kind, schema = _DATABASES[name]
    path = root(stack) / f"{kind}.db"
    if not path.exists():
        stack.run(["ovsdb-tool", "create", path, schema])
    elif stack.output_of(["ovsdb-tool", "needs-conversion", path, schema]).strip() == "yes":
        stack.stop_process(name)
        stack.run(["ovsdb-tool", "convert", path, schema])
    address = database(stack, kind)
    remotes = [f"--remote=p{address}", *_listens(stack, kind)]
    _run(stack, name, [path, *remotes, f"--unixctl={root(stack)}/{name}.ctl"])
    is_answering = partial(succeeds, "ovsdb-client", "list-dbs", address)
    health.wait_until(stack, name, is_answering)


def _listens(stack: Stack, kind: str) -> list[str]:
    """Return where a database listens for other hosts, if there may be any."""
    if kind not in ("nb", "sb") or not remote(stack, kind).startswith("tcp:"):
        return []
    host, _, port = remote(stack, kind).removeprefix("tcp:").rpartition(":")
    return [f"--remote=ptcp:{port}:{host}"]


def _describe_node(stack: Stack) -> None:
    """Write what Open vSwitch and `ovn-controller` need to know of this machine."""
    settings, kind = stack.settings, datapath.kind(stack)
    known = {
        "system-id": settings["OVN_UUID"],
        # Neutron binds ports by the name that nova has for the compute.
        "hostname": nova.compute_host(stack, 1),
        "ovn-remote": database(stack, "sb"),
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": settings["TUNNEL_ENDPOINT_IP"],
        "ovn-bridge": _INTEGRATION_BRIDGE,
        "ovn-bridge-datapath-type": kind,
        "ovn-bridge-mappings": settings["OVN_BRIDGE_MAPPINGS"],
        # Floating IPs answer where the public network has its gateway.
        "ovn-cms-options": "enable-chassis-as-gw" if has_databases(stack) else "",
    }
    words = [f"external_ids:{name}={_quoted(value)}" for name, value in known.items()]
    if kind == datapath.USERSPACE:
        # Guests leave checksums to the host. Without this, nobody fills them in, and TCP fails.
        words.append("other_config:userspace-tso-enable=true")
    stack.run(node(stack, "--no-wait", "init"))
    stack.run(node(stack, "--no-wait", "set", "Open_vSwitch", ".", *words))
    stack.say(f"Open vSwitch uses the datapath {kind}: {datapath.reason(stack)}")


def _make_bridges(stack: Stack) -> None:
    kind = f"datapath_type={datapath.kind(stack)}"
    for bridge, more in {
        _INTEGRATION_BRIDGE: ("fail_mode=secure", "other_config:disable-in-band=true"),
        stack.settings["PUBLIC_BRIDGE"]: (),
    }.items():
        words = ["add-br", bridge, "--", "set", "Bridge", bridge, kind, *more]
        stack.run(node(stack, "--no-wait", "--may-exist", *words))
        is_there = partial(succeeds, namespace.enter(stack), "ip", "link", "show", bridge)
        health.wait_until(stack, "ovs-vswitchd", is_there)


def _run(stack: Stack, name: str, words: list[str | Path]) -> None:
    program = "ovsdb-server" if name in _DATABASES else name
    prefix = [namespace.enter(stack)] if name in _IN_NETWORK else []
    argv = [*prefix, program, *words, "--no-chdir", *_LOG]
    with stack.timed("run_process"):
        stack.run_process(name, argv, env=_environ(stack), wait=False)


def _environ(stack: Stack) -> Mapping[str, str]:
    """Return the variables that keep the daemons away from the directories of the system's."""
    kinds = ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")
    own = {f"{project}_{kind}": str(root(stack)) for project in ("OVS", "OVN") for kind in kinds}
    # Nothing reads the generation: another value restarts the process.
    return {**own, "OVN_GENERATION": generation(stack)}


def _quoted(value: str) -> str:
    """Return a value as the programs of OVSDB read it: some of its characters are syntax."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
