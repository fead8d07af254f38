"""The last run, from its files and its journal."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from doitstack.journal.last_run import LastRun
from doitstack.processes.tree import look_up

ASYNC = {"kind": "async_run", "phase": "stack install", "plugin": "demo"}


class Scene:
    """A DEST with a journal and files of futures, without a run."""

    def __init__(self, dest: Path) -> None:
        self.dest = dest
        (dest / "async").mkdir()
        (dest / "logs" / "runs").mkdir(parents=True)
        self.journal = dest / "logs" / "runs" / "20261124T000000.000000001.jsonl"
        self.event("run_start", tasks=["stack"])
        self.run = LastRun(dest, dest / "logs")

    def event(self, kind: str, /, **fields: Any) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps({"time": 1000.0, "event": kind, **fields}) + "\n")

    def job(self, name: str, text: str) -> None:
        (self.dest / "async" / f"{name}.ini").write_text(text)

    @property
    def states(self) -> dict[str, str]:
        return {row.name: row.state.value for row in self.run.futures()}

    @contextmanager
    def going_on(self) -> Iterator[int]:
        """Have another process hold DEST as a run does; gives its pid."""
        code = (
            "import sys; from pathlib import Path; from doitstack.config import dest_lock\n"
            "with dest_lock.held(Path(sys.argv[1])):\n"
            "    print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, str(self.dest)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen(command, **pipes) as process:  # type: ignore[call-overload]
            assert process.stdout.readline() == b"held\n"
            yield process.pid
            process.stdin.close()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_states_follow_the_journal(scene: Scene) -> None:
    for name in ("queued", "running", "ended", "failed", "collected", "stopped"):
        scene.event("step_start", task=f"stack:install:demo:{name}", step=name, **ASYNC)
    scene.event("future_queued", name="locked", command="make", lock="apt")
    scene.event("future_cancelled", name="cancelled")
    scene.event("step_start", task="stack:install:demo:work", step="work", kind="run")
    for name in ("running", "ended", "failed", "collected", "stopped"):
        scene.event("future_start", name=name, pid=12, command="make")
    for name, rc in {"ended": 0, "failed": 7, "collected": 0}.items():
        scene.event("future_end", name=name, rc=rc, cpu=0, start_time=1000, end_time=3500)
    scene.event("collected", name="collected", rc=0, waited=0.5)
    scene.event("future_stopped", name="stopped")
    scene.event("collected", name="stopped", rc=143, waited=0.0)

    with scene.going_on():
        rows = {row.name: row for row in scene.run.futures()}

    assert {name: row.state.value for name, row in rows.items()} == {
        "queued": "queued",
        "running": "running",
        "ended": "ended",
        "failed": "ended",
        "collected": "collected",
        "stopped": "stopped",
        "locked": "queued",
        "cancelled": "cancelled",
    }
    assert rows["locked"].state_text == "queued for lock apt"
    assert [rows[name].pid for name in ("queued", "running")] == [None, 12]
    assert [rows[name].rc for name in ("running", "failed", "collected")] == [None, 7, 0]
    assert rows["collected"].seconds == 2.5


def test_process_that_waits_for_its_turn_is_queued(scene: Scene) -> None:
    me = look_up(os.getpid())
    assert me
    scene.event("future_queued", name="gated", command="make", lock="apt")
    scene.job(
        "gated",
        f"[job]\ncommand = make\npid = {me.pid}\n"
        f"start_time = 1000\npid_start_time = {me.started}\n",
    )

    with scene.going_on():
        assert scene.states == {"gated": "queued"}
        scene.event("future_start", name="gated", pid=me.pid, command="make", lock="apt")
        assert scene.states == {"gated": "running"}


def test_what_had_not_ended_when_the_run_did_is_lost(scene: Scene) -> None:
    scene.event("step_start", task="stack:install:demo:queued", step="queued", **ASYNC)
    scene.event("future_start", name="running", pid=12, command="make")
    scene.job("in_place", "[job]\ncommand = make\npid = self\nstart_time = 1000\n")

    with scene.going_on():
        assert scene.states == {"queued": "queued", "running": "running", "in_place": "running"}
    assert scene.states == {"queued": "lost", "running": "lost", "in_place": "lost"}


def test_file_that_was_cut_off_leaves_the_word_to_the_journal(scene: Scene) -> None:
    scene.event("future_start", name="known", pid=12, command="make")
    scene.job("known", "[job]\ncommand = ma")
    scene.job("unknown", "")

    with scene.going_on():
        assert scene.states == {"known": "running", "unknown": "lost"}
    assert scene.states == {"known": "lost", "unknown": "lost"}


def test_file_has_more_than_the_journal(scene: Scene) -> None:
    me = look_up(os.getpid())
    assert me
    job = f"[job]\ncommand = make\npid = {me.pid}\nstart_time = 1000\npid_start_time = "
    scene.event("future_start", name="ended", pid=12, command="make")
    scene.job("ended", f"{job}1\nend_time = 2500\nrc = 7\n")
    scene.job("alive", f"{job}{me.started}\n")
    scene.job("reused", f"{job}{me.started + 1}\n")

    rows = {row.name: row for row in scene.run.futures()}

    assert (rows["ended"].state.value, rows["ended"].rc, rows["ended"].seconds) == ("ended", 7, 1.5)
    assert rows["alive"].state.value == "running"
    assert rows["reused"].state.value == "lost"


def test_future_is_over_with_itself_or_with_the_run(scene: Scene) -> None:
    scene.event("future_start", name="a", pid=12, command="make")
    with scene.going_on():
        assert not scene.run.is_over("a")
        assert not scene.run.is_over("to-come")
        scene.event("future_end", name="a", rc=0, cpu=0, start_time=1000, end_time=3500)
        assert scene.run.is_over("a")
    assert scene.run.is_over("to-come")


def test_step_is_over_with_itself_or_with_the_run(scene: Scene) -> None:
    scene.event("step_start", task="stack:install:a:b", step="b", kind="run")
    with scene.going_on():
        assert not scene.run.is_step_over("stack:install:a:b")
        assert scene.run.is_step_over("stack:install:a:other")
        scene.event("step_end", task="stack:install:a:b", status="done")
        assert scene.run.is_step_over("stack:install:a:b")


def test_looking_at_a_run_does_not_disturb_it(scene: Scene) -> None:
    from doitstack.config import dest_lock

    assert not scene.run.goes_on
    with scene.going_on() as pid:
        assert dest_lock.holder(scene.dest) == pid
        assert scene.run.goes_on
        with pytest.raises(dest_lock.BusyError), dest_lock.held(scene.dest):
            pass
    assert dest_lock.holder(scene.dest) is None


def test_before_the_first_run_there_is_nothing(tmp_path: Path) -> None:
    run = LastRun(tmp_path, tmp_path / "logs")
    assert (run.goes_on, run.record.steps, run.futures()) == (False, [], [])
