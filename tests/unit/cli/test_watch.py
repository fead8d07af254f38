"""`doit stack --watch`: what is watched, and what counts as a change."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from doitstack.cli import watch
from doitstack.cli.watch import changes, read
from tests.integration.probes import wait_until
from tests.unit.cli.conftest import Doit
from tests.unit.source_repository import make_repository


def test_trees_and_local_conf_are_watched(top: Path) -> None:
    assert list(read(top)) == ["local.conf"]
    tree = make_repository(top / ".stack" / "keystone")
    before = read(top)
    assert list(before) == ["local.conf", "keystone"]
    assert before.directories == (tree,)
    assert changes(before, read(top)) == []
    (tree / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    assert changes(before, read(top)) == ["keystone"]
    (tree / "sample" / "tests" / "test_answer.py").write_text("changed\n")
    middle = read(top)
    (top / "local.conf").write_text("[[local|localrc]]\nX=1\n")
    assert changes(middle, read(top)) == ["local.conf"]


def test_tree_that_a_run_has_fetched_is_no_change(top: Path) -> None:
    before = read(top)
    make_repository(top / ".stack" / "keystone")
    assert changes(before, read(top)) == []


def test_tree_that_takes_the_place_of_another_is_watched(
    top: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree, seen = make_repository(top / ".stack" / "keystone"), list[list[str]]()
    before = read(top)

    def wait() -> None:
        seen.append(changes(before, watch._wait_for_change(top, before)))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    said = ""

    def has_said(text: str) -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return text in said

    wait_until(lambda: has_said("watching local.conf, keystone"), "watching")
    tree.rename(top / "away")
    wait_until(lambda: has_said("gone: keystone"), "a line about the tree")
    make_repository(tree)
    (tree / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    thread.join(60)
    assert seen == [["keystone"]]


@pytest.mark.parametrize("is_late", [False, True])
def test_signal_while_the_run_starts_or_ends_leaves_no_process(
    top: Path, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """The run begins, and ends, by telling the watch to end."""
    started = list[subprocess.Popen[bytes]]()
    code = (
        "import os, signal, sys, time\n"
        "def end(*_): os.kill(os.getppid(), signal.SIGTERM); time.sleep(0.5); os._exit(9)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "os.kill(os.getppid(), signal.SIGTERM)\n"
        "signal.pause()"
    )

    class Run(subprocess.Popen[bytes]):
        def __init__(self, _: object) -> None:
            super().__init__([sys.executable, "-c", code] if is_late else ["sleep", "1000"])
            started.append(self)
            if not is_late:
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(subprocess, "Popen", Run)
    try:
        assert watch.run_and_watch(top, ["stack"]) == 128 + signal.SIGTERM
        assert [run.poll() for run in started] == [9 if is_late else -signal.SIGTERM]
    finally:
        for run in started:
            run.kill()
            run.wait()


def test_broken_local_conf_is_watched_alone(top: Path) -> None:
    make_repository(top / ".stack" / "keystone")
    (top / "local.conf").write_text("[[local|localrc]]\nif\n")
    assert list(read(top)) == ["local.conf"]


def test_what_tears_down_cannot_be_watched(doit: Doit) -> None:
    code, out, err = doit("unstack", "--watch")
    assert code == 3
    assert "--watch is for doit stack, not for unstack" in out + err
