"""Directories for scripts are made only where they are ours, and become ours only if empty."""

from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.config.settings import Settings
from doitstack.config.shared_directories import shared_directory
from tests.unit.recorded_actions import make_stack


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = make_stack(tmp_path).settings
    dest_directory.claim(settings)
    return settings


@pytest.mark.parametrize("name", ["files", "horizon/a/b", "data/x/y", "etc/nova"])
def test_directory_is_made_and_removed_by_clean(settings: Settings, name: str) -> None:
    path = settings.path("DEST") / name
    assert shared_directory(settings, path)
    assert shared_directory(settings, path)
    assert path.is_dir()
    dest_directory.remove(settings)
    assert not settings.path("DEST").exists()


@pytest.mark.parametrize("name", ["other/x", "../x", "data/../../x", "files/../../x", "."])
def test_directory_elsewhere_is_not_made(settings: Settings, name: str) -> None:
    path = settings.path("DEST") / name
    before = sorted(path.name for path in settings.path("DEST").parent.rglob("*"))
    assert not shared_directory(settings, path)
    assert sorted(path.name for path in settings.path("DEST").parent.rglob("*")) == before


def test_checkout_of_the_user_stays(settings: Settings) -> None:
    checkout = settings.path("DEST") / "requirements"
    (checkout / ".git").mkdir(parents=True)
    assert not shared_directory(settings, checkout)
    assert not shared_directory(settings, checkout / "x")
    dest_directory.remove(settings)
    assert [path.name for path in checkout.iterdir()] == [".git"]


def test_empty_directory_of_a_killed_run_is_ours(settings: Settings) -> None:
    (settings.path("DEST") / "files").mkdir()
    assert shared_directory(settings, settings.path("DEST") / "files")
    dest_directory.remove(settings)
    assert not settings.path("DEST").exists()


def test_link_and_file_are_not_ours(settings: Settings, tmp_path: Path) -> None:
    (settings.path("DEST") / "files").symlink_to(tmp_path)
    (settings.path("DEST") / "horizon").touch()
    assert not shared_directory(settings, settings.path("DEST") / "files")
    assert not shared_directory(settings, settings.path("DEST") / "horizon" / "x")
    dest_directory.remove(settings)
    assert tmp_path.is_dir()
