"""libvirtd's files, and how it is run."""

from pathlib import Path

import pytest

from doitstack_plugins.libvirt import daemon, node
from tests.unit.fake_services import fake_services
from tests.unit.plugins.libvirt.stacks import make_guests
from tests.unit.recorded_actions import RecordedActions


def test_libvirtd_runs_in_the_node_with_files_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, started = make_guests(tmp_path), []
    monkeypatch.setattr(node, "start", lambda _: None)
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])
    monkeypatch.setattr(daemon, "_is_listening", lambda _: True)
    monkeypatch.setattr(stack, "run_process", lambda name, argv, **_: started.append((name, argv)))
    with stack.acting(RecordedActions(lambda program: None)):
        daemon.start(stack)
    [(name, argv)] = started
    assert (name, argv[:2]) == ("libvirtd", ["in-node", "/usr/sbin/libvirtd"])
    conf = node.place(stack, "etc/libvirt/libvirtd.conf").read_text()
    assert "host_uuid" in conf
    assert 'security_driver = "none"' in node.place(stack, "etc/libvirt/qemu.conf").read_text()


def test_libvirtd_is_not_there_without_its_node(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)
    services, _ = fake_services(tmp_path)
    assert services.names() == []
    with stack.acting(RecordedActions(lambda program: None)):
        daemon.stop(stack)
        assert stack.services.pids(daemon.SERVICE) == []
