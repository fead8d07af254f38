"""A supervisord of a directory: programs are configured, started, found and ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.services.supervisord import SCRIPT, Supervisord
from tests.service_processes import service_processes

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
    assert [process.pid for process in processes["sleep"]] == [infos["sleep"]["pid"]]


def test_programs_are_ended_without_supervisor(supervisord: Supervisord) -> None:
    supervisord.ensure()
    supervisord.put("sleep", SLEEP, 10)
    supervisord.start("sleep", wait=True)

    supervisord.end_processes(["sleep"])

    assert set(supervisord.processes()) == {""}


def test_stopping_what_does_not_run_is_fine(supervisord: Supervisord) -> None:
    supervisord.ensure()
    supervisord.put("sleep", SLEEP, 10)
    supervisord.signal_stop("sleep")
    assert supervisord.infos()["sleep"]["statename"] == "STOPPED"
