"""`doit restart`. The services are real, and small."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.cli import restart
from doitstack.config.settings import load_settings
from doitstack.errors import ServiceError
from doitstack.stack import Stack
from tests.ports import free_port
from tests.unit.cli.conftest import Doit

SERVER = """
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(open(sys.argv[1]).read().encode())
socketserver.TCPServer.allow_reuse_address = True
server = socketserver.TCPServer(("127.0.0.1", int(sys.argv[2])), Handler)
exec(open(sys.argv[1]).read())
server.serve_forever()
"""


@pytest.fixture
def stack(top: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setattr(restart, "_STAYS_UP", 0.1)
    stack = Stack(load_settings(top, {"SERVICE_TIMEOUT": "60"}))
    yield stack
    stack.services.stop_all()


def pid_of(stack: Stack, name: str) -> int | None:
    return {one.name: one.pid for one in stack.services.status()}[name]


def test_restart_needs_names(doit: Doit) -> None:
    code, out, err = doit("restart")
    assert code == 3
    assert "restart takes the names of services" in out + err


def test_unknown_service_is_an_error_with_a_suggestion(doit: Doit, stack: Stack) -> None:
    stack.run_process("tides", ["sleep", "1000"], wait=False)
    code, out, err = doit("restart", "tide")
    assert code == 3
    assert "no service tide was ever started; see doit services; did you mean tides?" in out + err


def test_services_are_restarted_as_they_are(doit: Doit, stack: Stack) -> None:
    for name in ("tides-1", "tides-2", "moon"):
        stack.run_process(name, ["sleep", "1000"], wait=False)
    before = {name: pid_of(stack, name) for name in ("tides-1", "tides-2", "moon")}
    code, out, _ = doit("restart", "devstack@tides")
    assert code == 0
    assert [line.split(",")[0] for line in out.splitlines()] == [
        "restarted tides-1",
        "restarted tides-2",
    ]
    changed = [name for name, pid in before.items() if pid_of(stack, name) != pid]
    assert changed == ["tides-1", "tides-2"]


BUSY = """
import sys, time
while time.process_time() < 0.5:
    pass
exec(open(sys.argv[1]).read())
time.sleep(1000)
"""


def test_daemon_that_fails_only_after_its_imports_is_shown_with_its_error(
    doit: Doit, stack: Stack, tmp_path: Path
) -> None:
    text = tmp_path / "text"
    text.write_text("")
    stack.run_process("tides", [sys.executable, "-c", BUSY, text], wait=False)
    assert doit("restart", "tides")[0] == 0
    text.write_text("nothing")
    code, _, err = doit("restart", "tides")
    assert code == 2
    assert "NameError: name 'nothing' is not defined" in err


LATE = """
import os, sys, time
time.sleep(1)
print("takes work", flush=True)
time.sleep(1000)
"""

TAKES_WORK = """
from doitstack import hookimpl

@hookimpl
def source(settings):
    settings.default("TIDES_SIGN", "takes work")

def takes_work(stack):
    sign = stack.settings["TIDES_SIGN"]
    return {"tides": lambda: sign in stack.services.log("tides").read_text()}
"""


def test_daemon_of_which_a_plugin_knows_when_it_takes_work_is_waited_for(
    doit: Doit, stack: Stack, top: Path
) -> None:
    (top / "extras.d").mkdir()
    (top / "extras.d" / "50-tides.py").write_text(TAKES_WORK)
    stack.run_process("tides", [sys.executable, "-c", LATE], wait=False)
    stack.services.stop("tides")
    log = stack.services.log("tides")
    log.write_text("")
    assert doit("restart", "tides")[0] == 0
    assert "takes work" in log.read_text()


def test_daemon_that_takes_no_work_in_time_is_named(
    doit: Doit, stack: Stack, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_TIMEOUT", "1")
    (top / "extras.d").mkdir()
    (top / "extras.d" / "50-tides.py").write_text(TAKES_WORK)
    stack.run_process("tides", ["sleep", "1000"], wait=False)
    code, _, err = doit("restart", "tides")
    assert code == 2
    assert "tides does not take work within 1 s (SERVICE_TIMEOUT); see " in err


def test_long_wait_says_what_is_waited_for_and_what_has_died(
    doit: Doit, stack: Stack, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICE_TIMEOUT", "1")
    monkeypatch.setattr(restart, "_SILENCE", 0.1)
    (top / "extras.d").mkdir()
    (top / "extras.d" / "50-tides.py").write_text(TAKES_WORK)
    with pytest.raises(ServiceError):
        stack.run_process("moon", ["false"])
    stack.run_process("tides", ["sleep", "1000"], wait=False)
    code, out, _ = doit("restart", "tides")
    assert code == 2
    log = stack.services.log("tides")
    assert out == f"tides does not take work yet, see {log}; these have died: moon\n"


def test_service_that_did_not_run_is_asked_at_its_ports(
    doit: Doit, stack: Stack, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[restart.Place]()
    monkeypatch.setattr(restart, "_answers", lambda place: asked.append(place) or True)
    (top / "code.py").write_text("pass\n")
    port = free_port()
    stack.run_process("tides", [sys.executable, "-c", SERVER, str(top / "code.py"), str(port)])
    stack.stop_process("tides")
    assert doit("restart", "tides")[0] == 0
    assert asked == [("127.0.0.1", port)]


def test_daemon_is_not_taken_for_idle_after_one_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine may be so busy that a pause of milliseconds takes seconds."""
    deaths = iter([{}, {}, {"tides": "tides has ended"}])
    services: Any = SimpleNamespace(
        deaths=lambda *_: next(deaths), pids=lambda _: [os.getpid()] if now < [20] else []
    )
    now = [0.0]
    monkeypatch.setattr(restart.time, "time", lambda: now[0])
    monkeypatch.setattr(restart.time, "sleep", lambda _: now.append(now.pop() + 10))
    with pytest.raises(ServiceError, match="tides has ended"):
        restart._wait_until_idle(services, "tides")


def test_service_that_does_not_come_up_again_is_shown_with_its_error(
    doit: Doit, stack: Stack, top: Path
) -> None:
    code_file = top / "code.py"
    code_file.write_text("pass\n")
    command = [sys.executable, "-c", SERVER, code_file, str(free_port())]
    stack.run_process("tides", command)
    code, out, err = doit("restart", "tides")
    assert (code, err) == (0, "")
    code_file.write_text("raise ValueError('of the user')\n")
    code, out, err = doit("restart", "tides")
    assert code == 2
    assert "service tides does not run" in out + err
    assert "ValueError: of the user" in out + err
