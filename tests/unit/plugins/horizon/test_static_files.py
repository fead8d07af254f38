"""Static files that are made once and kept, with Django only played."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.horizon import static_files
from tests.unit.recorded_actions import RecordedActions, make_stack

COMPRESSED = b"\xff\xfe{}"


class Django:
    """Collects two files of packages and one from elsewhere, and compresses into another."""

    def __init__(self, static: Path, packages: Path) -> None:
        self.static = static
        self.sources = {
            "one.js": packages / "horizon/static/one.js",
            "pictures/two.png": packages / "xstatic/data/two.png",
            "theirs.css": packages.with_name("theirs") / "theirs.css",
        }
        for name, source in self.sources.items():
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(name)
        self.commands: list[str] = []

    def __call__(self, command: str, *options: str) -> None:
        self.commands.append(command)
        if command == "collectstatic":
            assert "--link" in options
            for name, source in self.sources.items():
                (self.static / name).parent.mkdir(parents=True, exist_ok=True)
                (self.static / name).symlink_to(source)
        else:
            (self.static / "dashboard").mkdir()
            (self.static / "dashboard/output.js").write_bytes(COMPRESSED)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return make_stack(tmp_path / "stack", DOITSTACK_CACHE_DIR=str(tmp_path / "cache"))


def make(stack: Stack, place: Path, *keys: str) -> Django:
    """Make the files of a stack at `place`, with these keys in turn; return what Django did."""
    django = Django(place / "static", place / "packages")
    find_key = iter(keys or ("key", "key")).__next__
    with stack.acting(RecordedActions(lambda program: None)):
        static_files.make(stack, place / "static", place / "packages", find_key, django)
    return django


def content(directory: Path) -> dict[str, bytes]:
    assert not [path for path in directory.rglob("*") if path.is_symlink()]
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_second_stack_has_the_files_of_the_first_without_django(
    stack: Stack, tmp_path: Path
) -> None:
    assert make(stack, tmp_path / "a").commands == ["collectstatic", "compress"]
    assert make(stack, tmp_path / "b").commands == []
    first, second = content(tmp_path / "a/static"), content(tmp_path / "b/static")
    assert first == second
    assert first["dashboard/output.js"] == COMPRESSED
    assert set(first) == {"one.js", "pictures/two.png", "theirs.css", "dashboard/output.js"}


def test_files_of_packages_are_links_to_those_of_the_same_stack(
    stack: Stack, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        django = make(stack, tmp_path / name)
        linked = [file for file, one in django.sources.items() if one.stat().st_nlink == 2]
        assert {"one.js", "pictures/two.png"} <= set(linked)
        for file in linked:
            assert (django.static / file).samefile(django.sources[file])


def test_files_are_copied_where_links_are_not_possible(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def other_file_system(*_: object) -> None:
        raise OSError(static_files._NO_LINK[0], "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", other_file_system)
    make(stack, tmp_path / "a")
    make(stack, tmp_path / "b")
    assert content(tmp_path / "a/static") == content(tmp_path / "b/static")


def test_old_files_are_gone(stack: Stack, tmp_path: Path) -> None:
    for _ in range(2):
        (tmp_path / "a/static").mkdir(parents=True, exist_ok=True)
        (tmp_path / "a/static/old.css").touch()
        make(stack, tmp_path / "a")
        assert "old.css" not in content(tmp_path / "a/static")


@pytest.mark.parametrize("keys", [("key", "other"), ("", "")])
def test_files_of_another_or_no_key_are_made(
    stack: Stack, tmp_path: Path, keys: tuple[str, str]
) -> None:
    first, second = keys
    make(stack, tmp_path / "a", first, first)
    assert make(stack, tmp_path / "b", second, second).commands == ["collectstatic", "compress"]


def test_files_are_not_kept_if_the_key_changes_while_they_are_made(
    stack: Stack, tmp_path: Path
) -> None:
    make(stack, tmp_path / "a", "before", "after")
    for key in ("before", "after"):
        assert make(stack, tmp_path / "b", key, "").commands == ["collectstatic", "compress"]


def test_files_are_made_if_a_package_has_no_longer_what_was_kept(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(stack, tmp_path / "a")
    kept = next((tmp_path / "cache/static-files").iterdir())
    assert json.loads(kept.read_bytes()[32:])["places"]["one.js"] == "horizon/static/one.js"
    real = static_files._restore

    def restore(made: static_files._Made, static: Path, packages: Path) -> bool:
        (packages / "horizon/static/one.js").unlink()
        assert not real(made, static, packages)
        assert not static.exists()
        (packages / "horizon/static/one.js").write_text("one.js")
        return False

    monkeypatch.setattr(static_files, "_restore", restore)
    assert make(stack, tmp_path / "b").commands == ["collectstatic", "compress"]


def damage(cache: Path) -> None:
    next(cache.iterdir()).write_bytes(b"{}")


def open_to_others(cache: Path) -> None:
    cache.chmod(0o777)


@pytest.mark.parametrize("spoil", [damage, open_to_others, shutil.rmtree])
def test_files_are_made_without_what_was_kept(
    stack: Stack, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    make(stack, tmp_path / "a")
    spoil(tmp_path / "cache/static-files")
    assert make(stack, tmp_path / "b").commands == ["collectstatic", "compress"]
    assert content(tmp_path / "a/static") == content(tmp_path / "b/static")
