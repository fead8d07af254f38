"""`doit stack --watch`: what is watched, and what counts as a change."""

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


def test_broken_local_conf_is_watched_alone(top: Path) -> None:
    make_repository(top / ".stack" / "keystone")
    (top / "local.conf").write_text("[[local|localrc]]\nif\n")
    assert list(read(top)) == ["local.conf"]


def test_what_tears_down_cannot_be_watched(doit: Doit) -> None:
    code, out, err = doit("unstack", "--watch")
    assert code == 3
    assert "--watch is for doit stack, not for unstack" in out + err
