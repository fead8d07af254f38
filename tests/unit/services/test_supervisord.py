"""A supervisord of a directory: programs are configured, started, found and ended."""

from pathlib import Path
from typing import Any
from xmlrpc.client import Fault

import pytest

from doitstack.errors import ServiceError
from doitstack.services.supervisord import Supervisord


def test_without_a_supervisord_there_are_no_programs(tmp_path: Path) -> None:
    supervisord = Supervisord(tmp_path)
    assert (supervisord.names(), supervisord.infos(), supervisord.processes()) == ([], {}, {})
    with pytest.raises(ServiceError, match="FileNotFoundError"):
        supervisord.start("sleep", wait=True)


class FakeRpc:
    """Supervisor's interface: the calls, and a fault for each method in `faults`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.faults: dict[str, int] = {}
        self.states = ["RUNNING"]
        """The state of the only program at each question; the last one stays."""

    def call(self, path: str, method: str, *arguments: Any, timeout: float) -> Any:
        name = method.removeprefix("supervisor.")
        self.calls.append((name, *arguments))
        if name in self.faults:
            raise Fault(self.faults[name], name)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return [{"name": "a", "statename": state}]


@pytest.fixture
def rpc(monkeypatch: pytest.MonkeyPatch) -> FakeRpc:
    made = FakeRpc()
    monkeypatch.setattr("doitstack.services.supervisord.call_unix", made.call)
    return made


@pytest.fixture
def supervisord(tmp_path: Path) -> Supervisord:
    (tmp_path / "conf.d").mkdir()
    return Supervisord(tmp_path)


def test_configuration_is_written_and_loaded(supervisord: Supervisord, rpc: FakeRpc) -> None:
    supervisord.put("a", "exec sleep 9\n", 7)
    assert rpc.calls == [("removeProcessGroup", "a"), ("reloadConfig",), ("addProcessGroup", "a")]
    assert supervisord.names() == ["a"]
    assert supervisord.has("a", "exec sleep 9\n", 7)
    assert not supervisord.has("a", "exec sleep 9\n", 8)
    assert not supervisord.has("a", "exec sleep 8\n", 7)
    conf = (supervisord.directory / "conf.d" / "a.conf").read_text()
    assert "stopwaitsecs=7\n" in conf
    assert supervisord.infos()["a"]["statename"] == "RUNNING"


def test_only_the_expected_fault_is_harmless(supervisord: Supervisord, rpc: FakeRpc) -> None:
    rpc.faults = {"removeProcessGroup": 10, "stopProcess": 70, "startProcess": 50}
    supervisord.put("a", "", 7)
    supervisord.signal_stop("a")
    assert not supervisord.start("a", wait=True)
    rpc.faults = {"removeProcessGroup": 91, "stopProcess": 10}
    with pytest.raises(Fault):
        supervisord.put("a", "", 7)
    with pytest.raises(Fault):
        supervisord.signal_stop("a")


def test_supervisord_that_answers_is_not_started_again(
    supervisord: Supervisord, rpc: FakeRpc
) -> None:
    supervisord.ensure()
    assert rpc.calls == [("getState",)]
    assert not (supervisord.directory / "supervisord.conf").exists()


def test_shutdown_follows_the_end_of_all_programs(
    supervisord: Supervisord, rpc: FakeRpc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doitstack.services.supervisord._LOOK_AGAIN_SECONDS", 0)
    supervisord.put("a", "", 7)
    rpc.calls.clear()
    # The answer to the first call does not matter.
    rpc.states = ["", "STOPPING", "STOPPING", "STOPPED"]
    supervisord.shut_down()
    looks = [("getAllProcessInfo",)] * 3
    # Supervisor would answer up to a second late if it waited itself.
    assert rpc.calls == [("stopAllProcesses", False), *looks, ("shutdown",)]
