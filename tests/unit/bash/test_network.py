"""Addresses, and waiting for services."""
# ruff: noqa: E501 - a line of bash stays a line

import ipaddress
import shutil
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_addresses_are_quoted_and_recognised(bash) -> None:
    script = """
    ipv6_unquote '[::1]'; ipv6_unquote 10.0.0.1; ipv6_quote ::1; ipv6_quote 10.0.0.1
    is_ipv4_address 10.0.0.1 && echo four; is_ipv4_address ::1 || echo six
    """
    assert bash(script).lines == ["::1", "10.0.0.1", "[::1]", "10.0.0.1", "four", "six"]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4), st.integers(0, 32)),
        min_size=20,
        max_size=20,
    )
)
def test_networks_are_those_of_python(bash, cases) -> None:
    script, expected = [], []
    for address, other, bits in cases:
        network = ipaddress.ip_network(f"{other}/{bits}", strict=False)
        script.append(f"cidr2netmask {bits}; maskip {other} $(cidr2netmask {bits})")
        script.append(f"address_in_net {address} {other}/{bits} && echo in || echo out")
        expected += [str(network.netmask), str(network.network_address)]
        expected.append("in" if address in network else "out")
    assert bash("\n".join(script)).lines == expected


def test_get_default_host_ip_skips_the_ranges(bash) -> None:
    bash.program(
        "ip",
        """[[ $* == *route* ]] && echo 'default via 10.0.0.1 dev eth7 proto dhcp' && exit
        echo "2: eth7: <UP>"; echo "    inet 10.1.0.5/24 scope global eth7"; echo "    inet 192.168.7.7/24 scope global eth7" """,
    )
    assert bash.says("get_default_host_ip 10.1.0.0/16 172.24.4.0/24 '' '' inet") == "192.168.7.7"
    assert bash.says("get_default_host_ip 10.1.0.0/16 172.24.4.0/24 '' 1.2.3.4 inet") == "1.2.3.4"


def test_get_random_port_is_free(bash) -> None:
    port = int(bash.says("get_random_port"))
    with socket.create_server(("127.0.0.1", port)):
        pass


class _Busy(BaseHTTPRequestHandler):
    answers: list[int]

    def do_GET(self) -> None:
        self.send_response(self.answers.pop(0))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_wait_for_service_waits_until_it_is_ready(bash) -> None:
    _Busy.answers = [503, 503, 401]
    with HTTPServer(("127.0.0.1", 0), _Busy) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        bash(f"wait_for_service 20 http://127.0.0.1:{server.server_port}/")
        server.shutdown()
    assert _Busy.answers == []


def test_wait_for_service_gives_up(bash) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    done = bash(f"wait_for_service 1 http://127.0.0.1:{port}/", code=124)
    assert "did not answer within 1 seconds" in done.err


@pytest.mark.parametrize(("command", "code"), [("test -e there", 0), ("test -e gone", 1)])
def test_test_with_retry(bash, command: str, code: int) -> None:
    (bash.path / "there").touch()
    done = bash(f'test_with_retry "{command}" "not there" 0.3 0.1', code=code)
    assert ("not there" in done.err) == bool(code)


def test_export_proxy_variables(bash) -> None:
    script = "http_proxy=x no_proxy=; export_proxy_variables; env | grep -c -e ^http_proxy=x -e ^no_proxy="
    assert bash.says(script) == "2"


ADDRESSES = """
sudo() { echo "$*"; }
arping() { :; }
ip() { case $* in
    "-f inet route show default dev eth7") echo "default via 192.0.2.1 dev eth7 proto dhcp" ;;
    "-f inet address show dev eth7 scope global primary")
        echo "2: eth7: <UP> mtu 1500"; echo "    inet 192.0.2.5/24 brd 192.0.2.255 scope global eth7" ;;
    "-f inet6 address show dev eth7 scope global primary")
        echo "    inet6 2001:db8::5/64 scope global" ;;
esac; }
"""


def test_address_of_an_interface_moves_to_a_bridge_of_which_it_is_a_port(bash) -> None:
    assert bash(f"{ADDRESSES}_move_neutron_addresses_route eth7 lo True False inet").lines == [
        "ip address del 192.0.2.5/24 dev eth7",
        "ip address replace 192.0.2.5/24 brd 192.0.2.255 dev lo",
        "ip link set lo up",
        "ovs-vsctl --may-exist add-port lo eth7",
        "ip -f inet route replace default via 192.0.2.1 dev lo",
        *("arping -A -c 3 -w 5 -I lo 192.0.2.5",) * bool(shutil.which("arping")),
    ]


def test_address_without_a_route_moves_back_from_a_bridge(bash) -> None:
    assert bash(f"{ADDRESSES}_move_neutron_addresses_route eth7 lo False True inet6").lines == [
        "ovs-vsctl --if-exists del-port eth7 lo",
        "ip address del 2001:db8::5/64 dev eth7",
        "ip address replace 2001:db8::5/64 dev lo",
        "ip link set lo up",
    ]


def test_interface_without_an_address_only_becomes_a_port(bash) -> None:
    moved = bash(f"{ADDRESSES}_move_neutron_addresses_route eth8 lo True False inet")
    assert moved.lines == ["ovs-vsctl --may-exist add-port lo eth8"]


def test_address_stays_where_there_is_no_interface_to_move_it_to(bash) -> None:
    moved = bash(f"{ADDRESSES}_move_neutron_addresses_route eth7 br-none True False inet", code=1)
    assert "there is no interface br-none on this machine, so eth7 keeps its address" in moved.err
    assert "ip address" not in moved.out
