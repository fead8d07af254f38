"""Which trees an environment uses, and which are still to be installed."""

from pathlib import Path

import pytest

from doitstack.installed_trees import InstalledTrees
from doitstack.source_trees import SourceTree
from tests.unit.source_repository import make_repository


def environment(directory: Path, *packages: str) -> InstalledTrees:
    """Return an environment that requires `app`, with trees of these packages."""
    trees = (SourceTree(name, name, directory / name, "", "") for name in packages)
    return InstalledTrees(directory / "venv", directory / "venv" / "lib", ("app",), tuple(trees))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name in ("app", "library", "another"):
        make_repository(tmp_path / name)
    (tmp_path / "venv" / "lib" / "Library-1.0.dist-info").mkdir(parents=True)
    return tmp_path


def names(trees: list[SourceTree]) -> list[str]:
    return [tree.project for tree in trees]


def test_without_trees_there_is_nothing(directory: Path) -> None:
    here = environment(directory)
    assert here.used() == here.missing() == []
    assert here.installation() == here.migrations() == here.code() == here.static() == ""
    assert not here.has_others()


def test_required_and_installed_packages_are_used(directory: Path) -> None:
    here = environment(directory, "app", "library", "another")
    assert names(here.used()) == ["app", "library"]


def test_trees_are_missing_until_they_are_recorded(directory: Path) -> None:
    here = environment(directory, "app", "library")
    assert names(here.missing()) == ["app", "library"]
    here.begin(here.used())
    (directory / "venv" / "lib" / "Library-1.0.dist-info").rmdir()
    assert names(here.missing()) == ["app", "library"]
    here.finish(here.used()[:1])
    assert names(here.missing()) == ["library"]
    here.finish(here.used())
    assert here.missing() == []


def test_changed_metadata_make_a_tree_missing(directory: Path) -> None:
    here = environment(directory, "app", "library")
    here.finish(here.used())
    (directory / "app" / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    later = environment(directory, "app", "library")
    assert later.missing() == []
    assert later.installation() == here.installation()
    assert later.static() == here.static()
    assert later.code() != here.code()
    (directory / "app" / "pyproject.toml").write_text("[project]\n")
    last = environment(directory, "app", "library")
    assert names(last.missing()) == ["app"]
    assert last.installation() != here.installation()


def test_migrations_are_code_but_need_no_installation(directory: Path) -> None:
    before = environment(directory, "app")
    before.finish(before.used())
    assert before.code()
    (directory / "app/sample/db/migrations/versions/2_second.py").write_text("revision = 2\n")
    after = environment(directory, "app")
    assert after.code() != before.code()
    assert after.migrations() != before.migrations()
    assert after.installation() == before.installation()
    assert after.missing() == []


def test_tree_of_another_package_counts_for_nothing(directory: Path) -> None:
    here = environment(directory, "app", "another")
    code = here.code()
    (directory / "another" / "sample" / "answer.py").write_text("ANSWER = 'second'\n")
    assert environment(directory, "app", "another").code() == code


def test_tree_that_is_not_wanted_any_more_is_noticed(directory: Path) -> None:
    here = environment(directory, "app")
    here.finish(here.used())
    assert not here.has_others()
    assert environment(directory).has_others()
