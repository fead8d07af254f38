"""A supervisord of a directory: programs are configured, started, found and ended."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, UnixStreamServer
from typing import ClassVar
from xmlrpc.client import dumps

import pytest

from doitstack.services.supervisord import (
    DIRECTORY_VARIABLE,
    NAME_VARIABLE,
    SCRIPT,
    Supervisord,
)
from tests.served_tool import until
from tests.service_processes import service_processes
from tests.unit.another_user import ANOTHER

SLEEP = f'#!/bin/sh\nexec {SCRIPT}<"$0"\nexec sleep 600\n'
FAIL = "#!/bin/sh\nexit 3\n"


@pytest.fixture
def supervisord(tmp_path: Path) -> Iterator[Supervisord]:
    made = Supervisord(tmp_path / "supervisor")
    with made.locked():
        yield made
        made.shut_down()
    assert service_processes(made.directory) == []


def test_programs_are_started_and_found(supervisord: Supervisord) -> None:
    supervisord.ensure()
    supervisord.put("sleep", SLEEP, 10)
    supervisord.put("fail", FAIL, 10)

    assert supervisord.has("sleep", SLEEP, 10)
    assert not supervisord.has("sleep", SLEEP, 11)
    assert supervisord.names() == ["fail", "sleep"]
    assert supervisord.start("sleep", wait=True)
    assert not supervisord.start("fail", wait=True)
    infos = supervisord.infos()
    assert infos["sleep"]["statename"] == "RUNNING"
    assert infos["fail"]["statename"] in ("FATAL", "EXITED"), "as it ended before a second or after"
    processes = supervisord.processes()
    assert set(processes) == {"", "sleep"}
    assert processes["sleep"] == [infos["sleep"]["pid"]]


class Liar(StreamRequestHandler):
    """Says to each question that all is well."""

    asked: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        if line := self.rfile.readline():
            self.asked.append(line)
            body = dumps(({"statename": "RUNNING"},), methodresponse=True).encode()
            head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
            self.wfile.write(head.encode() + body)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("put", [Path.rename, lambda theirs, ours: ours.symlink_to(theirs)])
def test_socket_of_another_user_in_its_place_is_not_asked(
    supervisord: Supervisord,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    put: Callable[[Path, Path], object],
) -> None:
    monkeypatch.chdir(tmp_path)  # which others cannot reach
    tmp_path.chmod(0o777)
    os.seteuid(ANOTHER)
    try:
        server = UnixStreamServer("theirs", Liar)
    finally:
        os.seteuid(0)
    ours = supervisord.directory / "supervisor.sock"
    put(tmp_path / "theirs", ours)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    with server:
        thread.start()
        try:
            assert not supervisord.answers()
            supervisord.ensure()
            supervisord.put("sleep", SLEEP, 10)
            assert supervisord.start("sleep", wait=True)
        finally:
            server.shutdown()
            thread.join()
    assert Liar.asked == []
    assert (stat.S_ISSOCK(ours.lstat().st_mode), ours.lstat().st_uid) == (True, 0)


def test_programs_are_ended_without_supervisor(supervisord: Supervisord) -> None:
    supervisord.ensure()
    supervisord.put("sleep", SLEEP, 10)
    supervisord.start("sleep", wait=True)

    supervisord.end_processes(["sleep"])

    assert set(supervisord.processes()) == {""}


AGAIN = """
trap 'echo "$1"; (($1 > 40)) || setsid bash again "$(($1 + 1))" & exit' TERM
echo >>ready
while :; do sleep 0.01; done
"""


def test_processes_that_come_again_on_sigterm_are_killed(
    supervisord: Supervisord, tmp_path: Path
) -> None:
    (tmp_path / "again").write_text(AGAIN)
    environ = {**os.environ, DIRECTORY_VARIABLE: str(supervisord.directory), NAME_VARIABLE: "again"}
    first = subprocess.Popen(
        ["bash", "again", "0"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    )
    until((tmp_path / "ready").exists)

    supervisord.end_processes(["again"])

    assert supervisord.processes() == {}
    assert len(first.communicate()[0].splitlines()) < 20


def test_stopping_what_does_not_run_is_fine(supervisord: Supervisord) -> None:
    supervisord.ensure()
    supervisord.put("sleep", SLEEP, 10)
    supervisord.signal_stop("sleep")
    assert supervisord.infos()["sleep"]["statename"] == "STOPPED"


STARTER = """
import sys
from pathlib import Path
from doitstack.services.supervisord import Supervisord

sys.executable = sys.argv[2]
supervisord = Supervisord(Path(sys.argv[1]))
with supervisord.locked():
    supervisord.ensure()
"""


def test_caller_that_is_killed_keeps_others_out_until_supervisord_answers(tmp_path: Path) -> None:
    """The next caller did not find the one that was just forking, and started a second one."""
    begun, go_on, slow = tmp_path / "begun", tmp_path / "go-on", tmp_path / "python"
    os.mkfifo(go_on)
    slow.write_text(f'#!/bin/sh\n: >{begun}\nread -r _ <{go_on}\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    made = Supervisord(tmp_path / "supervisor")
    starter = subprocess.Popen([sys.executable, "-c", STARTER, made.directory, slow])
    until(begun.exists, begun)
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    with pytest.raises(BlockingIOError):
        _lock_at_once(made.directory)
    go_on.write_text("go\n")
    with made.locked():
        assert made.answers()
        made.shut_down()
    assert service_processes(made.directory) == []


def _lock_at_once(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
