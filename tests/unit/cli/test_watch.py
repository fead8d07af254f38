"""`doit stack --watch`: what is watched, and what counts as a change."""

from pathlib import Path

from doitstack.cli.watch import changes, read
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


def test_broken_local_conf_is_watched_alone(top: Path) -> None:
    make_repository(top / ".stack" / "keystone")
    (top / "local.conf").write_text("[[local|localrc]]\nif\n")
    assert list(read(top)) == ["local.conf"]


def test_what_tears_down_cannot_be_watched(doit: Doit) -> None:
    code, out, err = doit("unstack", "--watch")
    assert code == 3
    assert "--watch is for doit stack, not for unstack" in out + err
