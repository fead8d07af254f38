"""The other ends of the link between hosts, with a `bridge` that records what it is told."""

import json
from pathlib import Path

import pytest

from doitstack_plugins.ovn.peers import doitstack_peers


def line(*rows: tuple[str, str, str]) -> str:
    return json.dumps({"data": rows, "headings": ["row", "action", "ip"]})


def test_addresses_follow_the_database() -> None:
    lines = [
        line(("a", "initial", "192.0.2.1"), ("b", "initial", "192.0.2.2")),
        line(("b", "old", "192.0.2.2"), ("", "new", "192.0.2.3")),
        line(("a", "delete", "192.0.2.1")),
    ]
    assert list(doitstack_peers.addresses(lines)) == [
        {"192.0.2.1", "192.0.2.2"},
        {"192.0.2.1", "192.0.2.3"},
        {"192.0.2.3"},
    ]


def test_device_has_the_ends_that_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bridge").write_text('#!/bin/sh\necho bridge "$@"\n')
    (tmp_path / "bridge").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    link = doitstack_peers.Link("hosts", ["env"])
    link.reach({"192.0.2.1", "192.0.2.2"})
    link.reach({"192.0.2.2", "192.0.2.3"})
    told = [line for line in capfd.readouterr().out.splitlines() if line.startswith("bridge")]
    everyone = "00:00:00:00:00:00 dev hosts dst"
    assert told == [
        f"bridge fdb append {everyone} 192.0.2.1",
        f"bridge fdb append {everyone} 192.0.2.2",
        f"bridge fdb append {everyone} 192.0.2.3",
        f"bridge fdb del {everyone} 192.0.2.1",
    ]
