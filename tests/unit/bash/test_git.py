"""Clones, of real repositories."""

import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest

NAME = ["-c", "user.name=n", "-c", "user.email=e@example.com"]


def _git(path: Path, *args: str) -> str:
    command = ["git", "-C", str(path), *NAME, *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a branch `other` and a tag `v1`."""
    path = tmp_path_factory.mktemp("repository")
    _git(path, "init", "-q", "-b", "master")
    _git(path, "commit", "-q", "--allow-empty", "-m", "first")
    _git(path, "tag", "v1")
    _git(path, "branch", "other")
    _git(path, "commit", "-q", "--allow-empty", "-m", "second")
    return path


@pytest.fixture
def origin(bash, repository: Path):
    """A copy of the repository, which `bash` finds as $PWD/origin."""
    shutil.copytree(repository, bash.path / "origin")
    bash.git = partial(_git, bash.path / "origin")
    return bash


def _head(bash, directory: str = "clone") -> str:
    return bash.says(f"git -C {directory} log -1 --format=%s")


@pytest.mark.parametrize(
    ("ref", "subject"),
    [
        *(("master", "second"), ("v1", "first"), ("refs/tags/v1", "first"), ("", "second")),
        ("COMMIT", "first"),
    ],
)
def test_git_clone_accepts_branch_tag_ref_and_commit(origin, ref: str, subject: str) -> None:
    origin.git("config", "uploadpack.allowReachableSHA1InWant", "true")
    ref = ref.replace("COMMIT", origin.git("rev-parse", "v1"))
    done = origin(f"git_clone $PWD/origin $PWD/clone {ref}; pwd")
    assert _head(origin) == subject
    assert done.lines[-2].endswith(f" {subject}")
    assert done.lines[-1] == str(origin.path)


def test_git_clone_does_not_change_an_existing_clone(origin) -> None:
    origin("git_clone $PWD/origin $PWD/clone master")
    origin.git("commit", "-q", "--allow-empty", "-m", "third")
    origin("git_clone $PWD/origin $PWD/clone master")
    assert _head(origin) == "second"


@pytest.mark.parametrize(
    ("ref", "subject"),
    [("master", "third"), ("v1", "first"), ("other", "first"), ("", "third"), ("COMMIT", "first")],
)
def test_git_clone_brings_up_to_date_with_reclone(origin, ref: str, subject: str) -> None:
    ref = ref.replace("COMMIT", origin.git("rev-parse", "v1"))
    origin("git_clone $PWD/origin $PWD/clone master; touch clone/a.pyc")
    origin.git("commit", "-q", "--allow-empty", "-m", "third")
    origin(f"RECLONE=yes; git_clone $PWD/origin $PWD/clone {ref}")
    assert _head(origin) == subject
    assert not (origin.path / "clone" / "a.pyc").exists()


def test_git_clone_dies_of_an_unknown_ref(origin) -> None:
    origin("git_clone $PWD/origin $PWD/clone master")
    done = origin("RECLONE=True; git_clone $PWD/origin $PWD/clone nothing", code=1)
    assert "nothing is neither branch nor tag nor commit" in done.err


def test_git_clone_leaves_no_incomplete_clone(origin) -> None:
    (origin.path / "clone.cloning").mkdir()
    done = origin("git_clone $PWD/origin $PWD/clone nothing", code=1)
    assert "git call failed" in done.err
    assert not (origin.path / "clone").exists()
    origin("git_clone $PWD/origin $PWD/clone v1")
    assert _head(origin) == "first"
    assert not (origin.path / "clone.cloning").exists()


def test_git_clone_uses_the_default_branch(origin) -> None:
    origin.git("branch", "-m", "master", "main")
    origin("git_clone $PWD/origin $PWD/clone")
    assert _head(origin) == "second"


def test_git_clone_may_be_forbidden(origin) -> None:
    done = origin("ERROR_ON_CLONE=True; git_clone $PWD/origin $PWD/clone master", code=1)
    assert "Cloning not allowed" in done.err
    assert not (origin.path / "clone").exists()


def test_git_clone_offline_needs_no_remote(origin) -> None:
    origin("git_clone $PWD/origin $PWD/clone master")
    done = origin("OFFLINE=True; git_clone /none $PWD/clone other")
    assert done.lines[0] == "Running in offline mode, clones already exist"


def test_git_clone_depth(origin) -> None:
    origin("GIT_DEPTH=1; git_clone file://$PWD/origin $PWD/clone master")
    assert origin.says("git -C clone rev-list --count HEAD") == "1"


def test_git_clone_by_name(origin) -> None:
    origin("GITREPO[x]=$PWD/origin; GITDIR[x]=$PWD/clone; GITBRANCH[x]=v1; git_clone_by_name x")
    assert _head(origin) == "first"
    assert "GITREPO[y] is not set" in origin("git_clone_by_name y", code=1).err


def test_git_timed_tries_three_times(bash) -> None:
    bash.program("sleep", "exec /bin/sleep 0.01")
    bash.program("git", "exec /bin/sleep 5")
    done = bash("GIT_TIMEOUT=0.05; git_timed fetch", code=1)
    assert done.out.count("timeout ") == 3
    assert "Maximum of 3 git retries reached" in done.err


def test_get_release_name_from_branch(bash) -> None:
    script = "for b in master stable/zed proposed/x; do get_release_name_from_branch $b; done"
    assert bash(script).lines == ["master", "zed", "x"]
