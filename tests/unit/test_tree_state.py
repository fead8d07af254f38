"""Each change in a source tree is seen, and counts for what it concerns."""

import os
from pathlib import Path

import pytest

from doitstack.errors import StepError
from doitstack.tree_state import TreeState, read_state, remove_stale_bytecode
from tests.unit.source_repository import commit, git, make_repository, write_project

DIGESTS = ("metadata", "migrations", "static", "code")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "a tree")


def differing(before: TreeState, after: TreeState) -> list[str]:
    return [name for name in DIGESTS if getattr(before, name) != getattr(after, name)]


@pytest.mark.parametrize(
    ("name", "concerned"),
    [
        ("sample/answer.py", ["code"]),
        ("sample/new.py", ["code"]),
        ("sample/with umlaut ä.py", ["code"]),
        ("etc/paste.ini", ["code"]),
        ("sample/static/new.js", ["static", "code"]),
        ("sample/db/migrations/versions/2_second.py", ["migrations"]),
        ("pyproject.toml", ["metadata"]),
        ("requirements.txt", ["metadata"]),
        ("sample/tests/test_answer.py", []),
        ("doc/source/index.rst", []),
        ("tox.ini", []),
        ("sample/answer.py~", []),
        ("sample/__pycache__/answer.cpython-311.pyc", []),
    ],
)
@pytest.mark.parametrize("is_repository", [True, False])
def test_change_counts_for_what_it_concerns(
    tmp_path: Path, name: str, concerned: list[str], is_repository: bool
) -> None:
    make = make_repository if is_repository else write_project
    tree = make(tmp_path / "tree")
    before = read_state(tree)
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text("# changed\n")
    assert differing(before, read_state(tree)) == concerned


def test_change_that_is_undone_is_none(tree: Path) -> None:
    before, path = read_state(tree), tree / "sample" / "answer.py"
    text = path.read_text()
    path.write_text("ANSWER = 'second'\n")
    assert differing(before, read_state(tree)) == ["code"]
    path.write_text(text)
    assert read_state(tree) == before


def test_touch_is_no_change(tree: Path) -> None:
    before = read_state(tree)
    os.utime(tree / "sample" / "answer.py", (1, 1))
    assert read_state(tree) == before


def test_same_size_and_time_is_a_change(tree: Path) -> None:
    path = tree / "sample" / "answer.py"
    path.write_text("ANSWER = 'later'\n")
    before, times = read_state(tree), path.stat()
    path.write_text("ANSWER = 'older'\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert differing(before, read_state(tree)) == ["code"]


def test_stash_and_commit_are_seen_by_their_content(tree: Path) -> None:
    clean, path = read_state(tree), tree / "sample" / "answer.py"
    path.write_text("ANSWER = 'second'\n")
    dirty = read_state(tree)
    assert dirty.changed == ("sample/answer.py",)
    git(tree, "stash")
    assert read_state(tree) == clean
    git(tree, "stash", "pop")
    commit(tree)
    committed = read_state(tree)
    assert differing(dirty, committed) == []
    assert committed.changed == ()
    assert committed.head != dirty.head


def test_branch_is_seen(tree: Path) -> None:
    before = read_state(tree)
    assert before.branch == "main"
    assert before.head == git(tree, "rev-parse", "HEAD")
    git(tree, "checkout", "-q", "-b", "topic")
    assert differing(before, read_state(tree)) == []
    assert read_state(tree).branch == "topic"
    (tree / "sample" / "answer.py").write_text("ANSWER = 'topic'\n")
    commit(tree)
    assert differing(before, read_state(tree)) == ["code"]
    git(tree, "checkout", "-q", "--detach", "main")
    assert differing(before, read_state(tree)) == []
    assert read_state(tree).branch == ""


@pytest.mark.parametrize("reference", ["stable/1", "1.0", "2.0", "refs/changes/01/101/1"])
def test_reference_that_was_fetched_is_seen(tree: Path, tmp_path: Path, reference: str) -> None:
    git(tree, "branch", "stable/1")
    git(tree, "tag", "1.0")
    git(tree, "tag", "-a", "-m", "annotated", "2.0")
    git(tree, "update-ref", "refs/changes/01/101/1", "HEAD")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--no-checkout", str(tree), "clone")
    git(clone, "fetch", "-q", "origin", reference)
    git(clone, "checkout", "-q", "FETCH_HEAD")
    assert read_state(clone).branch == reference
    (clone / "sample" / "answer.py").write_text("ANSWER = 'of the user'\n")
    commit(clone)
    assert read_state(clone).branch == ""
    (clone / ".git" / "FETCH_HEAD").write_text(f"{'0' * 40}\t\t'lost' of elsewhere\n")
    assert read_state(clone).branch == ""


def test_removed_file_is_a_change(tree: Path) -> None:
    before = read_state(tree)
    (tree / "sample" / "cli.py").unlink()
    assert differing(before, read_state(tree)) == ["code"]


def test_large_file_counts_if_it_is_touched(tree: Path) -> None:
    large = tree / "sample" / "large.bin"
    large.write_bytes(bytes(1_000_001))
    before = read_state(tree)
    assert read_state(tree) == before
    os.utime(large, (1, 1))
    assert differing(before, read_state(tree)) == ["code"]


def test_repository_without_a_commit_is_read(tmp_path: Path) -> None:
    tree = write_project(tmp_path)
    git(tree, "init", "-q", "-b", "main")
    state = read_state(tree)
    assert (state.branch, state.head) == ("main", "")
    assert "sample/answer.py" in state.changed


def test_tree_without_git_has_no_branch(tmp_path: Path) -> None:
    state = read_state(write_project(tmp_path))
    assert (state.branch, state.head, state.changed) == ("", "", ())


def test_broken_repository_is_an_error(tmp_path: Path) -> None:
    (write_project(tmp_path) / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(StepError, match=r"cannot read the source tree .*: fatal: not a git"):
        read_state(tmp_path)


def test_stale_bytecode_is_removed(tree: Path) -> None:
    compiled = tree / "sample" / "__pycache__"
    compiled.mkdir()
    for name in ("answer", "cli", "gone"):
        (compiled / f"{name}.cpython-311.pyc").touch()
    os.utime(tree / "sample" / "answer.py", (2**32, 2**32))
    remove_stale_bytecode(tree)
    assert sorted(path.name for path in compiled.iterdir()) == [
        "cli.cpython-311.pyc",
        "gone.cpython-311.pyc",
    ]
