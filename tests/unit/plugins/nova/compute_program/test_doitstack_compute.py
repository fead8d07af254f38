"""The program of computes, with modules that stand in for those of nova and os-vif."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from doitstack_plugins.nova.compute_program import doitstack_compute

OS_VIF = """
class PyRoute2:
    def exists(self, device):
        raise AssertionError("looks in another network")
ip_lib = PyRoute2()
"""
EXCEPTION = """
class SocketPortInUseException(Exception):
    def __init__(self, *, host, port, error):
        super().__init__(f"{host}:{port} is {error}")
"""
SERIAL = """
from nova import exception
def acquire_port(host, port):
    try:
        _verify_port(host, port)
    except exception.SocketPortInUseException as error:
        return str(error)
    return "free"
def _verify_port(host, port):
    raise AssertionError("looks in another network")
"""
COMPUTE = """
import sys
def main():
    from nova.console import serial
    from vif_plug_ovs.ovs import ip_lib
    print(ip_lib.exists("lo"), ip_lib.exists("none"), *sys.argv)
    for port in sys.argv[1:]:
        print(serial.acquire_port("127.0.0.1", int(port)))
"""


def module(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_cards_and_ports_are_found_where_they_are_listed(tmp_path: Path) -> None:
    module(tmp_path / "nova/exception.py", EXCEPTION)
    module(tmp_path / "nova/console/serial.py", SERIAL)
    module(tmp_path / "nova/cmd/compute.py", COMPUTE)
    module(tmp_path / "vif_plug_ovs/ovs.py", OS_VIF)
    with socket.create_server(("127.0.0.1", 0)) as used, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        ports = [str(one.getsockname()[1]) for one in (used, free)]
        done = subprocess.run(
            [sys.executable, doitstack_compute.__file__, f"/proc/{os.getpid()}/net/tcp", *ports],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.splitlines() == [
        f"True False nova-compute {' '.join(ports)}",
        f"127.0.0.1:{ports[0]} is in use",
        "free",
    ]
