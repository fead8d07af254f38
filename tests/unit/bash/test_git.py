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


def _fetch(bash, ref: str = "master", *, code: int = 0, **settings: str):
    words = " ".join(f"{name}={value}" for name, value in settings.items())
    script = f"{words}\n_fetch_tree SAMPLE $PWD/origin $PWD/clone {ref} 2>&1"
    return bash(script, code=code)


@pytest.fixture
def project(origin):
    """`origin` as a project's repository."""
    (origin.path / "origin" / "setup.cfg").touch()
    origin.git("add", "setup.cfg")
    origin.git("commit", "-q", "-m", "third")
    return origin


def test_tree_is_cloned_where_only_empty_directories_are(project) -> None:
    (project.path / "clone" / "made" / "for").mkdir(parents=True)
    (project.path / "clone" / ".doitstack").touch()
    _fetch(project)
    assert _head(project) == "third"


@pytest.mark.parametrize("reclone", ["True", "False"])
def test_files_that_scripts_have_written_before_stay_in_the_tree(project, reclone: str) -> None:
    panel = project.path / "clone" / "local" / "enabled" / "_90.py"
    panel.parent.mkdir(parents=True)
    panel.write_text("PANEL = 1\n")
    (project.path / "clone" / ".doitstack").touch()
    assert "OFFLINE forbids" in _fetch(project, code=1, OFFLINE="True").out
    _fetch(project, RECLONE=reclone)
    assert _head(project) == "third"
    assert panel.read_text() == "PANEL = 1\n"
    assert not (project.path / "clone" / ".doitstack").exists()
    assert not (project.path / "clone.fetched").exists()


def test_tree_of_an_unknown_branch_is_an_error_with_the_settings(project) -> None:
    done = _fetch(project, "nosuch", code=1)
    assert "origin at nosuch (SAMPLE_REPO, SAMPLE_BRANCH;" in done.out
    assert "couldn't find remote ref nosuch" in done.out
    assert not (project.path / "clone").exists()


def test_repository_without_a_project_is_an_error(origin) -> None:
    done = _fetch(origin, code=1)
    assert "clone is no source tree: it has neither pyproject.toml nor setup.cfg" in done.out


def test_missing_tree_is_not_fetched_offline(project) -> None:
    done = _fetch(project, code=1, OFFLINE="True")
    assert "clone does not exist, and OFFLINE forbids cloning it" in done.out


def test_existing_tree_stays_as_it_is_with_a_warning(project) -> None:
    project.git("branch", "older")
    project.git("commit", "-q", "--allow-empty", "-m", "fourth")
    assert "stays as it is" not in _fetch(project, "older").out
    warning = "clone stays as it is, without master; RECLONE=True checks that out"
    assert warning in _fetch(project, "master").out
    assert _head(project) == "third"
    assert "stays as it is" not in _fetch(project, "v1").out


def test_reclone_updates_a_clean_tree(project) -> None:
    _fetch(project, GIT_DEPTH="1")
    project.git("commit", "-q", "--allow-empty", "-m", "fourth")
    _fetch(project, RECLONE="True")
    assert _head(project) == "fourth"


def test_reclone_discards_nothing_that_is_only_in_the_tree(project) -> None:
    _fetch(project)
    clone = project.path / "clone"
    (clone / "setup.cfg").write_text("changed\n")
    done = _fetch(project, code=1, RECLONE="True")
    assert "RECLONE=True would discard what is only in" in done.out
    assert "M setup.cfg" in done.out
    _git(clone, "commit", "-q", "-a", "-m", "of mine")
    done = _fetch(project, code=1, RECLONE="True")
    assert "of mine" in done.out
    assert _head(project) == "of mine"


def test_commits_stay_only_in_the_tree_if_it_is_kept_meanwhile(project) -> None:
    _fetch(project)
    clone = project.path / "clone"
    _git(clone, "commit", "-q", "--allow-empty", "-m", "of mine")
    _fetch(project, "v1")
    assert "of mine" in _fetch(project, code=1, RECLONE="True").out


def test_reclone_keeps_the_commits_of_the_branch_that_it_replaces(project) -> None:
    _fetch(project)
    clone = project.path / "clone"
    _git(clone, "checkout", "-q", "master")
    _git(clone, "commit", "-q", "--allow-empty", "-m", "of mine")
    _git(clone, "checkout", "-q", "--detach", "v1")
    assert "of mine" in _fetch(project, code=1, RECLONE="True").out
    assert _git(clone, "log", "-1", "--format=%s", "master") == "of mine"


def test_reclone_in_a_worktree_discards_nothing(project) -> None:
    _fetch(project)
    clone = project.path / "clone"
    clone.rename(project.path / "main")
    _git(project.path / "main", "worktree", "add", "-q", "--detach", str(clone))
    (clone / "setup.cfg").write_text("changed\n")
    assert "M setup.cfg" in _fetch(project, code=1, RECLONE="True").out
    assert (clone / "setup.cfg").read_text() == "changed\n"


def test_reclone_keeps_files_that_are_not_tracked(project) -> None:
    _fetch(project)
    (project.path / "clone" / "own").write_text("of mine\n")
    (project.path / "origin" / "own").touch()
    project.git("add", "own")
    project.git("commit", "-q", "-m", "fourth")
    done = _fetch(project, code=1, RECLONE="True")
    assert "untracked working tree files would be overwritten" in done.out
    assert (project.path / "clone" / "own").read_text() == "of mine\n"


def test_commit_on_a_change_is_kept(project) -> None:
    project.git("update-ref", "refs/changes/1/1/1", "HEAD")
    _fetch(project, "refs/changes/1/1/1")
    _git(project.path / "clone", "commit", "-q", "--allow-empty", "-m", "of mine")
    _fetch(project, "refs/changes/1/1/1")
    assert _head(project) == "of mine"
    project.git("commit", "-q", "--allow-empty", "-m", "fourth")
    project.git("update-ref", "refs/changes/1/1/2", "HEAD")
    done = _fetch(project, "refs/changes/1/1/2", code=1)
    assert "SAMPLE_BRANCH=refs/changes/1/1/2 would discard what is only in" in done.out
    assert _head(project) == "of mine"


@pytest.mark.parametrize("ref", ["master", "refs/tags/v1"])
def test_tree_that_is_no_repository_stays_and_the_repository_around_it_too(project, ref) -> None:
    around, clone = project.path, project.path / "clone"
    clone.mkdir()
    (clone / "setup.cfg").touch()
    _git(around, "init", "-q", "-b", "mine")
    _git(around, "remote", "add", "origin", "https://example.org/mine.git")
    _git(around, "commit", "-q", "--allow-empty", "-m", "of mine")
    warning = "clone stays as it is: it is no git repository"
    assert warning in _fetch(project, ref, RECLONE="True").out
    assert warning in project(f"RECLONE=True; git_clone $PWD/origin $PWD/clone {ref}").out
    assert _git(around, "remote", "get-url", "origin") == "https://example.org/mine.git"
    assert _git(around, "for-each-ref", "--format=%(refname)") == "refs/heads/mine"
    assert not (around / ".git" / "FETCH_HEAD").exists()


def test_tag_that_is_only_local_is_kept(project) -> None:
    _fetch(project)
    _git(project.path / "clone", "tag", "own")
    done = _fetch(project, "own", code=1, RECLONE="True")
    assert "couldn't find remote ref refs/tags/own" in done.out
    assert _git(project.path / "clone", "tag", "--list", "own") == "own"


def test_call_that_fails_is_reported_with_the_reason_of_git(bash) -> None:
    done = bash("git_timed clone file://$PWD/none $PWD/clone", code=1)
    said = [line for line in done.err.splitlines() if line.startswith("fatal: ")]
    assert "does not appear to be a git repository" in said[0]
    assert done.err.splitlines()[-1].endswith(
        f"git call failed: [git clone file://{bash.path}/none {bash.path}/clone]: {said[0]}"
    )


def test_output_of_git_stays_where_it_belongs(project) -> None:
    assert project.says("git_timed -C origin rev-parse --abbrev-ref HEAD 2> /dev/null") == "master"
