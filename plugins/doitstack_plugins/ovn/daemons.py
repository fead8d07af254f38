"""The daemons of Open vSwitch and OVN: what each runs, and the order in which they start.

Open vSwitch runs in the network of the stack, OVN's databases do not need it.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from doitstack import Stack
from doitstack.private_files import write_private
from doitstack.uptodate import digest
from doitstack_plugins.backing import mariadb
from doitstack_plugins.nova import conf as nova
from doitstack_plugins.ovn import datapath, namespace, outside
from doitstack_plugins.ovn.commands import node, northbound, succeeds
from doitstack_plugins.ovn.places import database, root
from doitstack_plugins.shared import health

_DATABASES = {
    "ovsdb-server": ("conf", "/usr/share/openvswitch/vswitch.ovsschema"),
    "ovsdb-server-nb": ("nb", "/usr/share/ovn/ovn-nb.ovsschema"),
    "ovsdb-server-sb": ("sb", "/usr/share/ovn/ovn-sb.ovsschema"),
}
"""The databases, with their schemas: that of the node, OVN's northbound and southbound one."""

DAEMONS = (*_DATABASES, "ovs-vswitchd", "ovn-northd", "ovn-controller")
"""The services, in the order in which they start."""

_LOG = ("-vconsole:info", "-vsyslog:off", "-vfile:off")
_INTEGRATION_BRIDGE = "br-int"


def start(stack: Stack) -> None:
    """Start what does not run, restart what runs from something else, and wait for all of it."""
    namespace.start(stack)
    _forget_other_neutron(stack)
    for name in _DATABASES:
        _serve_database(stack, name)
    _describenode(stack)
    conf = database(stack, "conf")
    _run(stack, "ovs-vswitchd", [conf, f"--unixctl={root(stack)}/ovs-vswitchd.ctl"])
    sides = [f"--ovnnb-db={database(stack, 'nb')}", f"--ovnsb-db={database(stack, 'sb')}"]
    _run(stack, "ovn-northd", [*sides, f"--unixctl={root(stack)}/ovn-northd.ctl"])
    _run(stack, "ovn-controller", [conf])
    _make_bridges(stack)
    outside.connect(stack)
    is_in_step = partial(succeeds, *northbound(stack, "--wait=hv", "sync"))
    health.wait_until(stack, "ovn-controller", is_in_step)


def stop(stack: Stack) -> None:
    """Stop all of them, and with the last one the network and all that is in it."""
    stack.stop_process(*DAEMONS, namespace.HOLDER)


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
    _run(stack, name, [path, f"--remote=p{address}", f"--unixctl={root(stack)}/{name}.ctl"])
    is_answering = partial(succeeds, "ovsdb-client", "list-dbs", address)
    health.wait_until(stack, name, is_answering)


def _describenode(stack: Stack) -> None:
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
        "ovn-cms-options": "enable-chassis-as-gw",
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
    argv = [namespace.enter(stack), program, *words, "--no-chdir", *_LOG]
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
