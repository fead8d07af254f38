"""Networks that carry packets: OVN alone, and Neutron on it. Guests are namespaces.

All traffic stays in network namespaces that the tests make.
They need root, and apt or Debian's packages.
"""

import hmac
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from uuid import uuid4

import openstack
import pytest

from tests.conftest import MakeStackDir, StackDir, stack_dirs, user_caches
from tests.e2e.network_guests import Guest, Network, get, install_tools
from tests.e2e.private_host import PrivateHost, private_host
from tests.e2e.samples import check_stopped, free_ports, needs_packages, processes
from tests.namespaces import needs_namespaces

pytestmark = [
    needs_packages,
    needs_namespaces,
    pytest.mark.timeout(1200),
]

MACS = {"guest-one": "0a:00:00:00:00:01", "guest-two": "0a:00:00:00:00:02"}
ADDRESSES = {"guest-one": "10.9.0.11", "guest-two": "10.9.0.12"}
FLOATING = "172.24.9.50"
OUTSIDE = "172.24.9.1"
OVN = "ovn-controller,ovn-northd"
SETTINGS = {"FLOATING_RANGE": "172.24.9.0/24", "METADATA_PROXY_SHARED_SECRET": "known to Nova"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Install all packages, which add to what the machine has."""
    install_tools()
    with stack_dirs(tmp_path_factory.mktemp("first")) as make:
        make(services=OVN, **SETTINGS).run("stack", timeout=600).ok()


@pytest.fixture
def host(installed: None) -> Iterator[PrivateHost]:
    with private_host() as host:
        yield host


@pytest.fixture
def ovn(stack_dir: MakeStackDir, host: PrivateHost) -> StackDir:
    return host.take(stack_dir(services=OVN, **SETTINGS))


def make_logical_network(network: Network) -> None:
    """Make a switch with two ports, a router to the outside, and a floating IP."""
    network.nbctl("ls-add", "inner")
    network.nbctl("lr-add", "router")
    connect(network, "inner", "0a:00:00:00:01:01", "10.9.0.1/24")
    options = network.nbctl("create", "dhcp_options", "cidr=10.9.0.0/24").strip()
    given = ("server_id=10.9.0.1", "server_mac=0a:00:00:00:01:01", "lease_time=3600")
    routes = "classless_static_route={0.0.0.0/0, 10.9.0.1}"
    network.nbctl("dhcp-options-set-options", options, *given, "router=10.9.0.1", routes)
    for port, mac in MACS.items():
        network.nbctl("lsp-add", "inner", port)
        network.nbctl("lsp-set-addresses", port, f"{mac} {ADDRESSES[port]}")
        network.nbctl("lsp-set-dhcpv4-options", port, options)
    network.nbctl("ls-add", "outer")
    network.nbctl("lsp-add", "outer", "wire")
    network.nbctl("lsp-set-type", "wire", "localnet")
    network.nbctl("lsp-set-addresses", "wire", "unknown")
    network.nbctl("lsp-set-options", "wire", "network_name=public")
    connect(network, "outer", "0a:00:00:00:02:01", "172.24.9.2/24")
    chassis = network.vsctl("get", "Open_vSwitch", ".", "external_ids:system-id").strip().strip('"')
    network.nbctl("lrp-set-gateway-chassis", "router-outer", chassis)
    network.nbctl("lr-route-add", "router", "0.0.0.0/0", OUTSIDE)
    network.nbctl("lr-nat-add", "router", "snat", "172.24.9.2", "10.9.0.0/24")
    network.nbctl("lr-nat-add", "router", "dnat_and_snat", FLOATING, ADDRESSES["guest-one"])


def connect(network: Network, switch: str, mac: str, address: str) -> None:
    """Connect a switch to the router."""
    network.nbctl("lrp-add", "router", f"router-{switch}", mac, address)
    network.nbctl("lsp-add", switch, f"{switch}-router")
    network.nbctl("lsp-set-type", f"{switch}-router", "router")
    network.nbctl("lsp-set-addresses", f"{switch}-router", "router")
    network.nbctl("lsp-set-options", f"{switch}-router", f"router-port=router-{switch}")


def test_ovn_alone_carries_packets_and_leaves_nothing(
    ovn: StackDir, host: PrivateHost, tmp_path: Path
) -> None:
    before = host.state()
    ovn.run("stack").ok()
    network = Network(ovn, tmp_path)
    make_logical_network(network)
    one, two = (Guest(network, port, mac) for port, mac in MACS.items())
    network.nbctl("--wait=hv", "sync")
    assert one.ask_dhcp() == ADDRESSES["guest-one"]
    assert two.ask_dhcp() == ADDRESSES["guest-two"]
    assert one.pings(ADDRESSES["guest-two"])
    assert two.pings(OUTSIDE)  # by SNAT
    (tmp_path / "index.html").write_text("over TCP\n" * 5000)
    one.serve(tmp_path)
    assert two.get(ADDRESSES["guest-one"]).count("over TCP") == 5000
    assert network.get(FLOATING).count("over TCP") == 5000

    network.nbctl("acl-add", "inner", "to-lport", "1000", "ip4.src == 10.9.0.12", "drop")
    network.nbctl("--wait=hv", "sync")
    assert not two.pings(ADDRESSES["guest-one"])
    assert network.pings(FLOATING)

    started = processes(ovn)
    ovn.run("stack").ok()
    assert processes(ovn) == started
    assert network.pings(FLOATING)
    check_stopped(ovn)
    assert host.state() == before


BARE_METAL = """\
if [[ $1/$2 == stack/post-config && $Q_AGENT == ovn ]]; then
    init_ovn
    start_ovn
    sudo ovs-vsctl -- --may-exist add-br brbm -- set Bridge brbm datapath_type=netdev
    ovs-vsctl --db="unix:$DATA_DIR/ovn/conf.sock" show > "$DEST/seen"
    ovs-ofctl dump-flows brbm >> "$DEST/seen"
    ovs-appctl version >> "$DEST/seen"
    sudo ovs-vsctl --if-exists del-br brbm
    ovn-sbctl list Chassis | sed -n 's/^hostname/chassis/p' >> "$DEST/seen"
    ovn-nbctl ls-add of-script
fi
"""


def test_a_script_can_use_ovn_before_neutron(ovn: StackDir, tmp_path: Path) -> None:
    (ovn.path / "extras.d").mkdir(exist_ok=True)
    (ovn.path / "extras.d" / "50-metal.sh").write_text(BARE_METAL)
    for _ in range(2):
        ovn.run("stack", timeout=600, Q_AGENT="ovn").ok()
        seen = (ovn.dest / "seen").read_text()
        assert all(
            part in seen
            for part in ("Bridge br-int", "Bridge brbm", "actions=", "ovs-vswitchd", "chassis")
        )
        network = Network(ovn, tmp_path)
        assert "of-script" in network.nbctl("ls-list")
        network.nbctl("ls-del", "of-script")
    check_stopped(ovn)


def test_nothing_is_left_of_a_run_that_was_killed(
    ovn: StackDir, host: PrivateHost, tmp_path: Path
) -> None:
    before = host.state()
    ovn.run("stack").ok()
    network = Network(ovn, tmp_path)
    network.run("ip", "netns", "add", "left")
    # The whole stack but one, and the next run in the middle of its repair.
    for name, (pid, _) in processes(ovn).items():
        if name != "ovs-vswitchd":
            os.kill(pid, signal.SIGKILL)
    kill_at(ovn, "async_run start_ovn")
    check_stopped(ovn)
    assert host.state() == before


def kill_at(stack: StackDir, line: str) -> None:
    """Run `doit stack` until it shows a line with the text, and kill it."""
    with stack._start(stack.program, "stack") as process:
        assert process.stdout
        assert any(line in shown for shown in process.stdout)
        os.killpg(process.pid, signal.SIGKILL)


def test_floating_ips_answer_on_the_host_if_that_is_wanted(
    ovn: StackDir, host: PrivateHost, tmp_path: Path
) -> None:
    before = host.state()
    out = ovn.run("stack", PUBLIC_NETWORK_ON_HOST="True").ok().out
    assert "floating IPs (172.24.9.0/24) answer from this machine, by stack-" in out
    network = Network(ovn, tmp_path)
    make_logical_network(network)
    one = Guest(network, "guest-one", MACS["guest-one"])
    network.nbctl("--wait=hv", "sync")
    one.ask_dhcp()
    (tmp_path / "index.html").write_text("over TCP\n" * 5000)
    one.serve(tmp_path)
    assert host.run(*get(FLOATING)).count("over TCP") == 5000
    assert one.pings(OUTSIDE)

    ovn.run("stack").ok()  # the gateway is in the stack's network again
    assert host.state()["links"] == before["links"]
    assert network.get(FLOATING).count("over TCP") == 5000
    check_stopped(ovn)
    assert host.state() == before


NEUTRON = "key,mysql,rabbit,neutron-api,ovn-controller,ovn-northd,q-ovn-agent"


class Metadata(BaseHTTPRequestHandler):
    """A stand-in for Nova's metadata, which answers with who asks, if the signature is right."""

    secret = b""

    def do_GET(self) -> None:
        server = self.headers["X-Instance-ID"]
        signature = hmac.new(self.secret, server.encode(), "sha256").hexdigest()
        is_signed = self.headers["X-Instance-ID-Signature"] == signature
        self.send_response(200 if is_signed else 403)
        self.send_header("Content-Type", "text/plain; charset=UTF-8")
        self.end_headers()
        self.wfile.write(f"{self.path} of {server}".encode())

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def metadata_service(stack: StackDir) -> Iterator[None]:
    """Serve metadata in the place of Nova."""
    Metadata.secret = stack.environ["METADATA_PROXY_SHARED_SECRET"].encode()
    port = int(stack.environ["METADATA_SERVICE_PORT"])
    with ThreadingHTTPServer(("127.0.0.1", port), Metadata) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


class Server(NamedTuple):
    """A guest, with what Neutron knows of it."""

    guest: Guest
    port: Any

    @property
    def address(self) -> str:
        return str(self.port.fixed_ips[0]["ip_address"])


def boot(network: Network, cloud: Any, **options: Any) -> Server:
    """Make a port as Nova does for a server, and a guest with it."""
    owner = {"device_owner": "compute:nova", "device_id": str(uuid4())}
    private = cloud.network.find_network("private")
    port = cloud.network.create_port(
        network_id=private.id, binding_host_id="vm1", **owner, **options
    )
    assert port.binding_vif_type == "ovs"
    guest = Guest(network, port.id, port.mac_address)
    server = Server(guest, port)
    assert guest.ask_dhcp() == server.address
    return server


@pytest.fixture
def neutron(stack_dir: MakeStackDir, installed: None) -> Iterator[tuple[StackDir, PrivateHost]]:
    environ = {**SETTINGS, **free_ports(), **user_caches(), "LOCAL_HOSTNAME": "vm"}
    # Packages are fetched, and the test itself talks to the APIs.
    with private_host(network=False) as host:
        yield host.take(stack_dir(services=NEUTRON, **environ)), host


@pytest.mark.full
@pytest.mark.filterwarnings("default")  # the SDK warns of what it will drop itself
def test_neutron_on_ovn(
    neutron: tuple[StackDir, PrivateHost], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, host = neutron
    before = host.state()
    out = stack.run("stack", timeout=1200).ok().out
    assert "Open vSwitch uses the datapath" in out
    network = Network(stack, tmp_path)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(stack.dest / "clouds.yaml"))
    clouds = [openstack.connect(cloud=name) for name in ("devstack", "devstack-admin")]
    with clouds[0] as cloud, clouds[1] as admin:
        owner = {"project_id": cloud.current_project_id}
        one, two = (boot(network, admin, **owner) for _ in range(2))
        floating = check_guests(cloud, network, one, two, tmp_path)
        check_metadata(stack, one)

    started = processes(stack)
    stack.run("stack", timeout=600).ok()
    assert processes(stack) == started
    assert network.pings(floating)
    kill_at(stack, "async_run start_neutron")
    check_stopped(stack)
    assert host.state() == before


def check_guests(cloud: Any, network: Network, one: Server, two: Server, pages: Path) -> str:
    """Guests reach one another and the outside, and are reached if rules allow it.

    Return the floating IP of `two`.
    """
    assert one.guest.pings(two.address)
    (pages / "index.html").write_text("over TCP\n" * 5000)
    two.guest.serve(pages)
    assert one.guest.get(two.address).count("over TCP") == 5000
    assert one.guest.pings(OUTSIDE)  # by SNAT
    assert cloud.network.get_port(one.port.id).status == "ACTIVE"

    public = cloud.network.find_network("public")
    made = cloud.network.create_ip(floating_network_id=public.id, port_id=two.port.id)
    address = str(made.floating_ip_address)
    network.nbctl("--wait=hv", "sync")
    assert not network.pings(address)
    (group,) = two.port.security_group_ids
    for protocol, ports in {"icmp": (None, None), "tcp": (80, 80)}.items():
        cloud.network.create_security_group_rule(
            security_group_id=group,
            direction="ingress",
            ether_type="IPv4",
            protocol=protocol,
            port_range_min=ports[0],
            port_range_max=ports[1],
        )
    network.nbctl("--wait=hv", "sync")
    assert network.pings(address)
    assert network.get(address).count("over TCP") == 5000
    return address


def check_metadata(stack: StackDir, server: Server) -> None:
    """A guest gets metadata of its own, by the agent, which signs the request for Nova."""
    with metadata_service(stack):
        answer = server.guest.get("169.254.169.254", "/latest/meta-data")
    assert answer == f"/latest/meta-data of {server.port.device_id}"
