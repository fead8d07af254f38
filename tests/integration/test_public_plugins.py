"""The tool that runs public plugins by DevStack and by doitstack, with a plugin of the tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TESTS
from tests.namespaces import needs_namespaces
from tests.public_plugins.outcomes import PHASES, Outcome, of_devstack, of_doitstack, verdict
from tests.public_plugins.repositories import Repository, repository
from tests.public_plugins.sandbox import run_by_doitstack
from tests.public_plugins.world import World

ALMANAC = TESTS / "data" / "plugins" / "almanac"


def git(directory: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@localhost", "-C", directory]
    done = subprocess.run([*command, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def almanac(tmp_path: Path) -> Path:
    """Return a repository with the plugin."""
    shutil.copytree(ALMANAC, tmp_path / "almanac")
    return committed(tmp_path / "almanac")


def committed(directory: Path) -> Path:
    git(directory, "init", "--quiet")
    git(directory, "add", "--all")
    git(directory, "commit", "--quiet", "--message=all")
    return directory


def test_a_repository_is_taken_at_its_newest_commit_with_a_plugin(almanac: Path) -> None:
    newest = git(almanac, "rev-parse", "HEAD")
    git(almanac, "rm", "--quiet", "-r", "devstack")
    git(almanac, "commit", "--quiet", "--message=retired")
    assert repository(str(almanac)) == Repository("almanac", almanac, newest)


def test_a_repository_is_taken_at_a_commit(almanac: Path) -> None:
    wanted = git(almanac, "rev-parse", "HEAD")
    git(almanac, "commit", "--quiet", "--allow-empty", "--message=more")
    assert repository(f"{almanac}@{wanted[:9]}").commit == wanted


def test_a_repository_without_a_plugin_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(ValueError, match=r"has no devstack/plugin\.sh"):
        repository(str(committed(tmp_path / "other")))


def test_an_outcome_of_devstack_names_the_command_that_failed() -> None:
    log = (
        "@passed override_defaults\n@passed source\n@failed lib/a:1: false\n"
        "cp: cannot stat 'x'\n@failed plugin.sh:3: cp x y\n@failed plugin.sh:9: install_it\n"
    )
    assert of_devstack(log) == Outcome(2, "plugin.sh:3: cp x y: cp: cannot stat 'x'")


def test_an_outcome_of_devstack_is_the_message_of_die() -> None:
    log = (
        "@passed override_defaults\n[ERROR] plugin.sh:3 no key\nmore\n@failed plugin.sh:3: false\n"
    )
    assert of_devstack(log) == Outcome(1, "[ERROR] plugin.sh:3 no key")


def test_an_outcome_of_doitstack_is_what_its_run_says() -> None:
    log = "FAILED after 0.5 s: stack install: plugin a: step plugin.sh: plugin.sh:3: cp x y\n"
    assert of_doitstack(log) == Outcome(3, "plugin a: step plugin.sh: plugin.sh:3: cp x y")
    assert (
        of_doitstack("@passed stack\nFAILED: unstack: plugin a: exit\n").last_phase == "test-config"
    )
    assert of_doitstack("@passed stack\n@passed unstack\n@passed clean\n").last_phase == "all"


def test_the_verdict_compares_phases() -> None:
    some, more = Outcome(3), Outcome(len(PHASES))
    assert verdict(more, some) == "ours worse"
    assert verdict(some, more) == "ours better"
    assert verdict(some, some) == "same"


@needs_namespaces
def test_a_plugin_passes_all_phases_and_leaves_nothing(almanac: Path, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world", {"almanac": almanac})
    outcome = run_by_doitstack(world, repository(str(almanac)), tmp_path / "log")
    assert outcome == Outcome(len(PHASES)), (tmp_path / "log").read_text()
    assert not list((tmp_path / "world" / "kept").iterdir())


@needs_namespaces
def test_a_plugin_fails_where_devstack_has_no_directory(almanac: Path, tmp_path: Path) -> None:
    plugin = almanac / "devstack" / "plugin.sh"
    plugin.write_text('[[ "$2" != install ]] || touch /etc/almanac/file\n')
    (tmp_path / "world").mkdir()
    world = World(tmp_path / "world", {"almanac": committed(almanac)})
    outcome = run_by_doitstack(world, repository(str(almanac)), tmp_path / "log")
    assert outcome.last_phase == "pre-install"
    assert "touch /etc/almanac/file" in outcome.error
