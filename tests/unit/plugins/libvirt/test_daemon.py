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
    stack, started, asked = make_guests(tmp_path), [], []
    monkeypatch.setattr(node, "start", lambda _: None)
    monkeypatch.setattr(
        node, "command", lambda _, *, in_network=False: ["in-network" if in_network else "in-node"]
    )
    monkeypatch.setattr(stack, "output_of", asked.append)
    monkeypatch.setattr(daemon, "_is_listening", lambda _: True)
    monkeypatch.setattr(stack, "run_process", lambda name, argv, **_: started.append((name, argv)))
    with stack.acting(RecordedActions(lambda program: None)):
        daemon.start(stack)
    [(name, argv)] = started
    assert (name, argv[:2]) == ("libvirtd", ["in-network", "/usr/sbin/libvirtd"])
    [words] = asked
    assert (words[0], words[-1]) == ("in-node", "capabilities"), "before a compute asks"
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


def test_guests_of_another_database_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_guests(tmp_path)
    monkeypatch.setattr(node, "command", lambda _: ["in-node"])
    monkeypatch.setattr(
        stack, "output_of", lambda argv: "one\n" + ("two\n" if "--all" in argv else "")
    )
    stage = RecordedActions(lambda program: None)
    with stack.acting(stage):
        daemon.forget_guests(stack)
    assert [(program.argv[5], program.argv[-1]) for program in stage.programs] == [
        *(("destroy", "one"), ("undefine", "one"), ("undefine", "two"))
    ]
