"""The coordination service."""

from pathlib import Path
from typing import Any

import pytest

from doitstack.stack import Stack
from doitstack_plugins.backing import etcd
from tests.unit.recorded_actions import RecordedActions, make_stack


def make(tmp_path: Path, **environ: str) -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES="etcd3", **environ)
    etcd.source(stack.settings)
    return stack


def started(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the arguments of etcd, which does not run."""
    called: list[str] = []

    def run_process(_: Stack, name: str, argv: list[str], **__: Any) -> None:
        called.extend([name, *argv])

    monkeypatch.setattr(Stack, "run_process", run_process)
    monkeypatch.setattr(etcd, "_is_healthy", lambda _: True)
    with stack.acting(RecordedActions(lambda _: None)):
        etcd.start_etcd(stack)
    return called


def test_etcd_is_its_only_member(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = make(tmp_path, SERVICE_HOST="[::1]", ETCD_PORT="4000")
    assert started(stack, monkeypatch) == [
        *("etcd3", "/usr/bin/etcd", "--name=stack", f"--data-dir={stack.data_dir}/etcd"),
        *("--listen-client-urls=http://[::1]:4000", "--listen-peer-urls=http://[::1]:4001"),
        "--advertise-client-urls=http://[::1]:4000",
        "--initial-advertise-peer-urls=http://[::1]:4001",
        "--initial-cluster=stack=http://[::1]:4001",
    ]
    assert (stack.data_dir / "etcd").stat().st_mode & 0o777 == 0o700
    etcd.clean_etcd(stack)
    assert not (stack.data_dir / "etcd").exists()


def test_etcd_listens_on_the_address_of_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = started(make(tmp_path, SERVICE_HOST="localhost"), monkeypatch)
    listened = next(word for word in argv if "listen-client" in word)
    assert listened in {
        "--listen-client-urls=http://127.0.0.1:12379",
        "--listen-client-urls=http://[::1]:12379",
    }
    assert "--advertise-client-urls=http://localhost:12379" in argv
