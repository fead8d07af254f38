"""The settings of source trees, with a project that git clones from bare repositories.

A plugin makes an environment with the project, whose program prints a line of its code.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir, user_caches
from tests.unit.source_repository import commit, git, make_repository

pytestmark = pytest.mark.usefixtures("served_runs")

PROJECT = "cursive"
PLUGIN = f"""\
from doitstack import async_run, async_wait, hookimpl, run
from doitstack_plugins.shared import venvs


def environment(stack):
    return venvs.environment(stack, "sample", "{PROJECT}")


def install(stack):
    venvs.install(stack, environment(stack))


def answer(stack):
    stack.run([environment(stack).program("{PROJECT}")])


@hookimpl
def stack_install(stack):
    wait, current = venvs.installs_after(stack), environment(stack).is_current
    yield async_run("install_sample", install, wait=wait, uptodate=[current])


@hookimpl
def stack_extra(stack):
    yield async_wait("install_sample")
    yield run(answer)
"""
CHANGE = "refs/changes/12/3412/5"


class Origin:
    """The bare repository of the project below GIT_BASE, and the clone that pushes to it."""

    def __init__(self, base: Path) -> None:
        self.base, self.work = base, make_repository(base.parent / "work", PROJECT)
        self.hash = ""
        self.bare = self.make_bare(base / "openstack" / f"{PROJECT}.git")

    def make_bare(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "master", path], check=True)
        self.push("HEAD:refs/heads/master", path)
        return path

    def push(self, to: str, path: Path | None = None) -> None:
        git(self.work, "push", "-q", str(path or self.bare), to)

    def add(self, answer: str, *to: str) -> str:
        """Commit another answer, push it under the names `to`, and return its hash."""
        (self.work / PROJECT / "answer.py").write_text(f"ANSWER = {answer!r}\n")
        commit(self.work, answer)
        for name in to:
            self.push(f"HEAD:{name}")
        return git(self.work, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """Master answers "first"; all else has other answers."""
    made = Origin(tmp_path / "base")
    made.add("of a branch", "refs/heads/stable/x")
    made.hash = made.add("of a commit", "refs/heads/stable/y")
    made.add("of a tag", "refs/tags/1.0", "refs/heads/stable/y")
    made.add("of a change", CHANGE)
    return made


@pytest.fixture
def stack(stack_dir: MakeStackDir, origin: Origin) -> Iterator[StackDir]:
    made = stack_dir({"extras.d/50-sample.py": PLUGIN}, services="", **user_caches())
    set_(made, origin)
    yield made
    made.run("clean")


def set_(stack: StackDir, origin: Origin, *lines: str) -> None:
    """Write a local.conf with `lines`."""
    text = "\n".join(("[[local|localrc]]", f"GIT_BASE=file://{origin.base}", *lines, ""))
    (stack.path / "local.conf").write_text(text)


def answer(stack: StackDir) -> str:
    """Run `doit stack`, and return what the program prints at its end."""
    (printed,) = [line for line in stack.run("stack").ok().lines if line in ANSWERS]
    return printed


ANSWERS = (
    *("first", "of a branch", "of a commit", "of a tag", "of a change", "of another repository"),
    *("of the directory", "later"),
)


@pytest.mark.parametrize(
    ("branch", "expected"),
    [
        ("", "first"),
        ("stable/x", "of a branch"),
        ("1.0", "of a tag"),
        ("refs/tags/1.0", "of a tag"),
        ("HASH", "of a commit"),
        (CHANGE, "of a change"),
    ],
)
def test_branch_tag_hash_or_change_is_what_runs(
    stack: StackDir, origin: Origin, branch: str, expected: str
) -> None:
    ask = f"CURSIVE_BRANCH={branch.replace('HASH', origin.hash)}" if branch else ""
    set_(stack, origin, ask or f"LIBS_FROM_GIT={PROJECT}")
    assert answer(stack) == expected
    assert git(stack.dest / PROJECT, "log", "-1", "--format=%s") == expected


def test_another_change_is_checked_out_in_the_next_run(stack: StackDir, origin: Origin) -> None:
    set_(stack, origin, f"CURSIVE_BRANCH={CHANGE}")
    assert answer(stack) == "of a change"
    origin.add("later", "refs/changes/12/3412/6")
    set_(stack, origin, "CURSIVE_BRANCH=refs/changes/12/3412/6")
    assert answer(stack) == "later"


def test_target_branch_is_that_of_all_projects(stack: StackDir, origin: Origin) -> None:
    set_(stack, origin, f"LIBS_FROM_GIT={PROJECT}", "TARGET_BRANCH=stable/x")
    assert answer(stack) == "of a branch"


def test_repository_is_cloned_instead_of_that_below_git_base(
    stack: StackDir, origin: Origin, tmp_path: Path
) -> None:
    origin.add("of another repository")
    other = origin.make_bare(tmp_path / "other.git")
    set_(stack, origin, f"CURSIVE_REPO=file://{other}")
    assert answer(stack) == "of another repository"


def test_directory_is_used_or_cloned_to(stack: StackDir, origin: Origin, tmp_path: Path) -> None:
    directory = tmp_path / "of mine"
    set_(stack, origin, f"CURSIVE_DIR='{directory}'")
    assert answer(stack) == "first"
    assert not (stack.dest / PROJECT).exists()
    (directory / PROJECT / "answer.py").write_text("ANSWER = 'of the directory'\n")
    assert answer(stack) == "of the directory"
    stack.run("clean").ok()
    assert directory.is_dir()


def test_reclone_fetches_in_each_run_but_discards_nothing(stack: StackDir, origin: Origin) -> None:
    asked = f"LIBS_FROM_GIT={PROJECT}"
    set_(stack, origin, asked)
    assert answer(stack) == "first"
    origin.add("later", "refs/heads/master")
    assert answer(stack) == "first"
    set_(stack, origin, asked, "RECLONE=True")
    assert answer(stack) == "later"
    (stack.dest / PROJECT / PROJECT / "answer.py").write_text("ANSWER = 'mine'\n")
    refused = stack.run("stack").failed(1).out
    assert "RECLONE=True would discard what is only in" in refused
    assert (stack.dest / PROJECT / PROJECT / "answer.py").read_text() == "ANSWER = 'mine'\n"


@pytest.mark.parametrize("reclone", ["", "RECLONE=True"])
def test_depth_is_that_of_the_clone(stack: StackDir, origin: Origin, reclone: str) -> None:
    asked = f"CURSIVE_BRANCH={CHANGE}", "GIT_DEPTH=2"
    set_(stack, origin, *asked)
    assert answer(stack) == "of a change"
    set_(stack, origin, *asked, reclone)
    assert answer(stack) == "of a change"
    assert git(stack.dest / PROJECT, "rev-list", "--count", "HEAD") == "2"


@pytest.mark.parametrize(
    ("forbidden", "reason"),
    [
        ("OFFLINE", "does not exist, and OFFLINE forbids cloning it"),
        ("ERROR_ON_CLONE", "project was not found; clone it there, or unset ERROR_ON_CLONE"),
    ],
)
def test_nothing_is_cloned_if_that_is_forbidden_and_a_tree_is_used(
    stack: StackDir, origin: Origin, forbidden: str, reason: str
) -> None:
    set_(stack, origin, f"LIBS_FROM_GIT={PROJECT}", f"{forbidden}=True")
    assert reason in stack.run("stack").failed(1).out
    assert not (stack.dest / PROJECT).exists()
    git(stack.path, "clone", "-q", str(origin.bare), str(stack.dest / PROJECT))
    assert answer(stack) == "first"
