"""Directories for scripts are made only where they are ours, and are removed."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.config.settings import Settings
from doitstack.config.shared_directories import shared_directory
from doitstack.errors import StepError
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


def test_empty_directory_of_the_user_stays(settings: Settings) -> None:
    theirs = settings.path("DEST") / "files"
    theirs.mkdir()
    assert not shared_directory(settings, theirs)
    dest_directory.remove(settings)
    assert list(settings.path("DEST").rglob("*")) == [theirs]


def test_directory_of_a_run_that_was_killed_before_it_marked_it_is_removed(
    settings: Settings,
) -> None:
    path = settings.path("DEST") / "files"
    pid = os.fork()
    if pid == 0:
        os.fsync = lambda _: os._exit(0)  # type: ignore[assignment]
        shared_directory(settings, path)
    os.waitpid(pid, 0)
    assert not path.exists()
    dest_directory.remove(settings)
    assert not settings.path("DEST").exists()


@pytest.mark.parametrize("theirs", [[], ["horizon"]])
def test_removal_that_is_interrupted_anywhere_goes_on(
    settings: Settings, theirs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    dest = settings.path("DEST")
    number = 0
    is_whole = False
    while not is_whole:
        number += 1
        dest_directory.claim(settings)
        for name in theirs:
            (dest / name).mkdir(exist_ok=True)
        for name in ("files", "requirements"):
            assert shared_directory(settings, dest / name / "a")
        with monkeypatch.context() as patch:
            calls = _read_only_from(number, patch)
            errors = [*_errors(settings)]
        is_whole = not errors
        assert all("cannot be removed: Read-only file system" in error for error in errors)
        if not is_whole:
            dest_directory.remove(settings)
        assert [path.name for path in dest.parent.glob("*stack*")] == [dest.name] * bool(theirs)
        assert sorted(path.name for path in dest.rglob("*")) == theirs
    assert len(calls) > 8


def _errors(settings: Settings) -> Iterator[str]:
    try:
        dest_directory.remove(settings)
    except StepError as error:
        yield str(error)


def _read_only_from(number: int, patch: pytest.MonkeyPatch) -> list[str]:
    """Let call `number` that removes or renames, and all later ones, fail; return the calls."""
    calls: list[str] = []

    def failing(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def call(path: str, *others: str, **options: int) -> None:
            calls.append(name)
            if len(calls) >= number:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), path)
            real(path, *others, **options)

        return call

    for name in ("unlink", "rmdir", "rename"):
        patch.setattr(os, name, failing(name, getattr(os, name)))
    return calls


def test_link_and_file_are_not_ours(settings: Settings, tmp_path: Path) -> None:
    (settings.path("DEST") / "files").symlink_to(tmp_path)
    (settings.path("DEST") / "horizon").touch()
    assert not shared_directory(settings, settings.path("DEST") / "files")
    assert not shared_directory(settings, settings.path("DEST") / "horizon" / "x")
    dest_directory.remove(settings)
    assert tmp_path.is_dir()
