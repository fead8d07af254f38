"""Connections to other hosts: what is said, and how they are lost."""

import os
import signal
from pathlib import Path

import pytest

from doitstack.config.hosts import Host
from doitstack.errors import StepError
from doitstack.hosts import connection
from doitstack.hosts.agent_program import BOOT
from doitstack.hosts.connection import Connection
from doitstack.hosts.environment import KIND


def test_agent_answers_and_ends_with_the_connection(host: Host) -> None:
    one = Connection(host)
    assert one.facts["kind"] == KIND
    assert one.facts["connection"] == "192.0.2.1 50000 192.0.2.2 22"
    assert one.ask("exists", look="no/such") is False
    one.close()
    assert one._ssh.returncode == 0


def test_what_a_login_shell_prints_is_skipped(host: Host, home: Path) -> None:
    (home / ".profile").write_text('echo "Welcome!"; echo "{}"; echo 7\n')
    one = Connection(host)
    assert one.facts["kind"] == KIND
    one.close()


def test_host_that_cannot_be_reached_is_named(host: Host) -> None:
    with pytest.raises(StepError) as caught:
        Connection(host._replace(name="two", address="192.0.2.9"))
    assert str(caught.value) == (
        "there is no connection to two: ssh has ended with code 255; "
        "ssh to 192.0.2.9 must work without a question"
    )


def test_host_that_says_nothing_is_given_up(
    host: Host, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / ".profile").write_text("sleep 60\n")
    monkeypatch.setattr(connection, "FIRST_WORD", 0.2)
    monkeypatch.setattr(connection, "CLOSING", 0.1)
    with pytest.raises(StepError, match=r"it has not answered for 0\.2 s"):
        Connection(host)


def test_refusal_of_the_agent_is_an_error(host: Host) -> None:
    one = Connection(host)
    with pytest.raises(StepError, match="one: false ended with code 1: "):
        one.ask("done", do=["false"])
    with pytest.raises(StepError, match=r"one: do: .*No such file.*nosuch"):
        one.ask("done", do=["nosuch-program"])
    one.close()


def test_silence_is_noticed(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Connection(host)
    pid = _agent_pid(one)
    one.hold_lease()
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(connection, "LEASE", 0.3)
    try:
        with pytest.raises(StepError, match=r"nothing was heard of it for 0\.3 s"):
            _listen(one)
    finally:
        os.kill(pid, signal.SIGCONT)
        one.close()


def test_beats_keep_a_lease(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    for lease in (0.5, 5, 50):
        monkeypatch.setattr(connection, "LEASE", lease)
        monkeypatch.setattr(connection, "BEAT", lease / 10)
        beats: list[object] = []
        one = Connection(host)
        try:
            one.hold_lease()
            while len(beats) < 12:
                beats += [message for message in one.receive(lease / 10) if "beat" in message]
        except StepError:  # on a busy machine, one side may have come too late
            continue
        finally:
            one.close()
        return
    pytest.fail("no lease was kept")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_what_holds_a_lease_has_priority_but_the_run_has_not(host: Host, home: Path) -> None:
    one = Connection(host)
    one.hold_lease()
    assert _policies(0, _agent_pid(one)) == [os.SCHED_RR, os.SCHED_RR]
    show = "import os; print(os.sched_getscheduler(0))"
    one.send(run={"directory": ".", "argv": ["python3", "-c", show], "variable": "CHANNEL"})
    output: list[object] = []
    while not output:
        output = [message["output"] for message in one.receive(0.1) if "output" in message]
    assert output == [str(os.SCHED_OTHER)]
    one.close()
    assert _policies(0) == [os.SCHED_OTHER]


def _policies(*pids: int) -> list[int]:
    return [os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK for pid in pids]


def test_difference_of_the_clocks_is_measured(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    ahead = "import time; time.time = lambda here=time.time: here() + 3600;"
    monkeypatch.setattr(connection, "BOOT", ahead + BOOT)
    one = Connection(host)
    assert abs(one.offset - 3600) < 600, "the round trips took less"
    one.close()


def _listen(one: Connection) -> None:
    while True:
        one.receive(0.05)


def _agent_pid(one: Connection) -> int:
    """Return the pid of the agent: the fake ssh has become it."""
    return one._ssh.pid
