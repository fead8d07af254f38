"""Source trees of source distributions. pip is played: it needs an index."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack import Stack
from doitstack.errors import StepError
from doitstack.processes.program import Program
from doitstack.source_trees import SourceTree
from doitstack.venvs import Environment
from doitstack_plugins.shared import sdists, venvs
from tests.unit.recorded_actions import RecordedActions, make_stack
from tests.unit.source_repository import git, write_project

PINS = """\
# oslo.log is pinned
alembic==1.0 \\
    --hash=sha256:11
Oslo.Log==5.0 \\
    --hash=sha256:22 \\
    --hash=sha256:33
zope==1
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    (tmp_path / "pins.txt").write_text(PINS)
    monkeypatch.setattr(venvs, "install", lambda stack, environment: None)
    return make_stack(tmp_path, LIBS_FROM_GIT="oslo.log", UPPER_CONSTRAINTS_FILE="pins.txt")


def unpack(stack: Stack, play: Callable[[Program], None]) -> SourceTree:
    (tree,) = stack.trees
    with stack.acting(RecordedActions(play)):
        sdists.unpack(stack, tree)
    return tree


def play_pip(program: Program) -> None:
    """Run programs, except pip: it writes a distribution."""
    words = [str(word) for word in program.argv]
    if "pip" not in words:
        subprocess.run(words, cwd=program.cwd, check=True)
        return
    assert program.cwd
    project = write_project(program.cwd / "oslo_log-5.0")
    (project / "ignored.pyc").touch()
    (project / "AUTHORS").touch()
    (project / "sample.egg-info").mkdir()
    (project / "sample.egg-info" / "PKG-INFO").touch()
    with tarfile.open(program.cwd / "oslo_log-5.0.tar.gz", "w:gz") as archive:
        archive.add(project, project.name)
    shutil.rmtree(project)


def test_tree_is_a_repository_of_its_own(stack: Stack) -> None:
    (stack.dest / "oslo.log" / "made" / "for").mkdir(parents=True)
    (stack.dest / "oslo.log" / ".doitstack").touch()
    tree = unpack(stack, play_pip)
    assert tree.is_there
    assert tree.state.branch == "main"
    assert tree.state.changed == ()
    assert git(tree.directory, "log", "--format=%s") == "oslo_log-5.0"
    ignored = git(tree.directory, "status", "--porcelain", "--ignored")
    assert ignored.splitlines() == ["!! AUTHORS", "!! sample.egg-info/"]
    assert "ignored.pyc" in git(tree.directory, "ls-files")
    assert sorted(path.name for path in stack.dest.iterdir()) == ["oslo.log", "venvs"]
    unpack(stack, lambda program: pytest.fail(str(program)))


def test_files_that_scripts_have_written_before_are_in_the_tree(stack: Stack) -> None:
    panel = stack.dest / "oslo.log" / "local" / "enabled" / "_90.py"
    panel.parent.mkdir(parents=True)
    panel.write_text("PANEL = 1\n")
    (stack.dest / "oslo.log" / ".doitstack").touch()
    tree = unpack(stack, play_pip)
    assert panel.read_text() == "PANEL = 1\n"
    assert tree.state.changed == ("local/enabled/_90.py",)
    assert not (tree.directory / ".doitstack").exists()


def test_pip_is_asked_for_the_pinned_version_with_its_hashes(stack: Stack) -> None:
    asked: list[str] = []

    def play(program: Program) -> None:
        if "pip" in program.argv:
            assert program.cwd
            asked.append((program.cwd / "requirement.txt").read_text())
        play_pip(program)

    unpack(stack, play)
    assert asked == ["Oslo.Log==5.0 \\\n    --hash=sha256:22 \\\n    --hash=sha256:33\n"]


def test_nothing_is_left_if_pip_finds_none(stack: Stack) -> None:
    with pytest.raises(StepError, match="pip has downloaded no "):
        unpack(stack, lambda program: None)
    assert [path.name for path in stack.dest.iterdir()] == ["venvs"]


def test_package_without_a_pin_is_an_error(stack: Stack) -> None:
    stack.settings.update({"LIBS_FROM_GIT": "oslo.db"})
    with pytest.raises(StepError, match=r"pins.txt have no version of oslo-db"):
        unpack(stack, play_pip)


@pytest.mark.parametrize("name", ["OFFLINE", "ERROR_ON_CLONE"])
def test_nothing_is_fetched_where_that_is_forbidden(stack: Stack, name: str) -> None:
    stack.settings.update({name: "True"})
    with pytest.raises(StepError, match="does not exist, and OFFLINE or ERROR_ON_CLONE forbids"):
        unpack(stack, play_pip)


def test_what_makes_trees_needs_none(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Environment] = []
    monkeypatch.setattr(venvs, "install", lambda stack, environment: made.append(environment))
    every = make_stack(tmp_path, LIBS_FROM_GIT="ALL", UPPER_CONSTRAINTS_FILE="pins.txt")
    tree = next(tree for tree in every.trees if tree.package == "oslo-log")
    with every.acting(RecordedActions(play_pip)):
        sdists.unpack(every, tree)
    assert "pbr" in made[0].requirements
    assert made[0].installed_trees.used() == []
