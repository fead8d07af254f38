"""The console proxy, with a module that stands in for nova's, and real network namespaces."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack_plugins.nova.console_proxy import doitstack_console

SCRIPT = Path(doitstack_console.__file__)
NAMESPACE = Path("/proc/thread-self/ns/net")


@pytest.fixture
def network() -> Iterator[str]:
    """The network namespace of a process."""
    command = ["unshare", "--net", "sh", "-c", "echo; exec sleep 600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        yield f"/proc/{holder.pid}/ns/net"
        holder.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are root's")
def test_connections_are_made_in_the_network_and_nothing_else(network: str) -> None:
    class Handler:
        def socket(self, host: str, port: int, *, connect: bool) -> tuple[int, bool, Path]:
            return port, connect, NAMESPACE.readlink()

    own = NAMESPACE.readlink()
    doitstack_console.connecting_in(network, 6079, Handler)
    connected = Handler().socket("127.0.0.1", 5900, connect=True)
    assert connected == (5900, True, Path(network).readlink())
    assert NAMESPACE.readlink() == own


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces are root's")
def test_a_connection_that_fails_leaves_the_network(network: str) -> None:
    own = NAMESPACE.readlink()
    with pytest.raises(ConnectionRefusedError), doitstack_console.in_network(network):
        raise ConnectionRefusedError
    assert NAMESPACE.readlink() == own


def test_the_proxy_of_nova_gets_its_own_options(tmp_path: Path) -> None:
    console = tmp_path / "nova" / "console"
    command = tmp_path / "nova" / "cmd"
    for package in (console, command):
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
    (tmp_path / "nova" / "__init__.py").touch()
    proxy = "class NovaProxyRequestHandler:\n    def socket(self): pass\n"
    (console / "websocketproxy.py").write_text(proxy)
    (command / "novncproxy.py").write_text("import sys\ndef main(): print(*sys.argv)\n")
    words = [SCRIPT, "/proc/self/ns/net", "6079", "novncproxy", "--web", "x", "--config-file=y"]
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "novncproxy --web x --config-file=y\n"
