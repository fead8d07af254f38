"""A command of doit on another host, whose `doit` is a script here."""

import json
import os
import signal
import socket
import threading
from pathlib import Path

import pytest

from doitstack.config.hosts import Host
from doitstack.config.settings import load_settings
from doitstack.errors import CommandError, StepError
from doitstack.hosts import doit_on_host as module
from doitstack.hosts.connection import Connection
from doitstack.hosts.doit_on_host import ask_host, doit_on_host
from doitstack.processes.signals import Terminated, raise_on_signals
from doitstack.stack import Stack
from tests.integration.probes import wait_until

PYTHON = """#!/bin/sh
mkdir -p "$HOME/doitstack/one"
"""


@pytest.fixture
def stack(tmp_path: Path, host: Host, home: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack; on the host is an environment with a `doit` that does what its command says."""
    archive = tmp_path / "state.tgz"
    archive.write_bytes(b"no archive")
    monkeypatch.setattr(module, "environment_archive", lambda _: archive)
    programs = home / ".cache/doitstack/environments/state/bin"
    programs.mkdir(parents=True)
    for name, text in {
        "python": PYTHON,
        "doit": '#!/bin/sh\n[ "$1" != --console ] || shift 2\neval "$1"\n',
    }.items():
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nENABLED_SERVICES=,\nHOSTS=one\n")
    return Stack(load_settings(tmp_path, {}))


def test_output_is_ours_and_failure_an_error(
    stack: Stack, host: Host, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    doit_on_host(stack, host, ["echo one; echo two >&2; pwd; ls"])
    out, _ = capfdbinary.readouterr()
    assert out.startswith(b"one\ntwo\n/")
    assert out.endswith(b"/doitstack/one\nlocal.conf\n")
    with pytest.raises(CommandError, match="on one ended with code 5") as raised:
        doit_on_host(stack, host, ["exit 5"])
    assert raised.value.code == 5


def test_host_of_another_kind_is_refused(
    stack: Stack, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KIND", "3.99 abacus")
    with pytest.raises(StepError, match=r"one has Python and processor 3.* and this host 3.99 a"):
        doit_on_host(stack, host, ["true"])


def test_environment_is_brought_unless_it_is_there(
    stack: Stack, host: Host, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = home.parent / "other.tgz"
    other.write_bytes(b"no archive")
    monkeypatch.setattr(module, "environment_archive", lambda _: other)
    monkeypatch.setattr(Stack, "say", lambda self, text: None)
    with pytest.raises(StepError, match=r"one: unpack: .*other\.one\.tgz"):
        doit_on_host(stack, host, ["true"])


def test_ends_go_both_ways_by_the_clock_of_each_side(
    stack: Stack, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connection, "_compare_clocks", lambda one, *_: setattr(one, "offset", 10.0))
    ours, theirs = socket.socketpair()
    ours.sendall(b'{"name": "ping", "start": 2.0, "end": 3.0}\n')
    script = "read -r line <&$DOITSTACK_CONTROLLER; echo $line >&$DOITSTACK_CONTROLLER; echo $line"
    doit_on_host(stack, host, [f"exec bash -c '{script}'"], theirs)
    told = json.loads(ours.recv(1000))
    assert told == {"name": "ping", "start": 2.0, "end": 3.0}, "there and back"
    ours.close()
    theirs.close()


def test_interrupt_is_passed_on_and_raised_once_the_run_has_ended(
    stack: Stack, host: Host, home: Path
) -> None:
    ready = home / "doitstack/one/ready"

    def interrupt() -> None:
        wait_until(ready.exists, "the run")
        os.kill(os.getpid(), signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGCHLD)}
    raise_on_signals()
    thread = threading.Thread(target=interrupt)
    thread.start()
    script = "trap 'touch stopped; exit 143' TERM; touch ready; while :; do sleep 0.05; done"
    try:
        with pytest.raises(Terminated):
            doit_on_host(stack, host, [script])
    finally:
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (home / "doitstack/one/stopped").exists()


def test_question_changes_nothing_on_a_host(stack: Stack, host: Host, home: Path) -> None:
    shown: list[str] = []
    with pytest.raises(StepError, match="nothing has been stacked on one yet"):
        ask_host(stack, host, ["echo a"], shown.append)
    doit_on_host(stack, host, ["true"])
    (home / "doitstack/one/mine").touch()
    assert ask_host(stack, host, ["ls; exit 4"], shown.append) == 4
    assert shown == ["local.conf", "mine"]
    (home / ".cache/doitstack/environments/state").rename(home / "older")
    with pytest.raises(StepError, match="one has another version of doitstack"):
        ask_host(stack, host, ["ls"], shown.append)
