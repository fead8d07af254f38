"""Consoles: what is configured, and how the proxies are run."""

from pathlib import Path

import pytest

from doitstack.private_cache import PrivateCache
from doitstack.processes.program import Program
from doitstack_plugins.libvirt import node
from doitstack_plugins.nova import consoles, processes
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.plugins.nova.stacks import SERVICES
from tests.unit.recorded_actions import RecordedActions

BOTH = f"{SERVICES},n-novnc,n-sproxy"


def test_without_proxies_guests_have_no_consoles_to_reach(tmp_path: Path) -> None:
    assert consoles.sections(make_guests(tmp_path)) == {"vnc": {"enabled": "false"}}


def test_addresses_are_those_of_the_proxies(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, ENABLED_SERVICES=BOTH, NOVNCPROXY_PORT="16080")
    found = consoles.sections(stack)
    assert found["vnc"]["novncproxy_base_url"] == "http://127.0.0.1:16080/vnc_lite.html"
    assert found["vnc"]["novncproxy_port"] == "16080"
    assert found["serial_console"]["base_url"] == "ws://127.0.0.1:6083/"
    assert dict(consoles.ports(stack)).keys() == {"n-novnc", "n-sproxy"}


def test_proxies_connect_in_the_network_of_guests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "network", lambda _: Path("/proc/1/ns/net"))
    stack = make_guests(tmp_path, ENABLED_SERVICES=BOTH)
    words = {one.name: processes._words(stack, one)[2:] for one in processes.console_daemons(stack)}
    page = str(tmp_path / "cache" / "guests" / "novnc")
    assert words == {
        "n-novnc": ["/proc/1/ns/net", "6079", "novncproxy", "--web", page],
        "n-sproxy": ["/proc/1/ns/net", "6079", "serialproxy"],
    }


def test_the_page_is_fetched_once(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)

    def play(program: Program) -> None:
        if "download" in program.argv:
            assert program.cwd
            (program.cwd / "novnc_1_all.deb").touch()
        if "--extract" in program.argv:
            page = Path(program.argv[-1]) / "usr/share/novnc/vnc_lite.html"
            page.parent.mkdir(parents=True)
            page.touch()

    stage = RecordedActions(play)
    with stack.acting(stage):
        consoles.fetch_page(stack)
        consoles.fetch_page(stack)
    assert sum("download" in program.argv for program in stage.programs) == 1
    assert (tmp_path / "cache" / "guests" / "novnc" / "vnc_lite.html").exists()
    PrivateCache(tmp_path / "cache" / "guests").clear()  # raises if it is not private
    assert not list((tmp_path / "cache").iterdir())


def test_guests_of_a_subnode_are_reached_by_its_relay(tmp_path: Path) -> None:
    where = {"SERVICE_HOST": "192.0.2.1", "HOST_IP": "127.0.0.2"}
    stack = make_guests(tmp_path, ENABLED_SERVICES="n-cpu", **where)
    found = consoles.sections(stack)
    assert found["vnc"]["novncproxy_base_url"] == "http://192.0.2.1:6080/vnc_lite.html"
    assert found["vnc"]["server_proxyclient_address"] == "127.0.0.2"
    assert found["serial_console"]["proxyclient_address"] == "127.0.0.2"
    assert consoles.relay(stack) == ("127.0.0.2", 6079)
    off = make_guests(tmp_path, ENABLED_SERVICES="n-cpu", NOVA_VNC_ENABLED="False", **where)
    assert consoles.sections(off)["vnc"] == {"enabled": "false"}
