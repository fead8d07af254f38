"""The image is made once for all stacks."""

import os
from pathlib import Path

import pytest

from doitstack.private_cache import PrivateCache
from doitstack_plugins.guest_image import cache
from tests.unit.plugins.libvirt.stacks import make_guests

PARTS = (cache.DISK, cache.KERNEL, cache.INITRD)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The directories of the images that were built."""
    built: list[Path] = []

    def build(_: object, target: Path) -> None:
        built.append(target)
        target.mkdir(exist_ok=True)
        for name in PARTS:
            (target / name).touch()

    monkeypatch.setattr(cache, "build", build)
    return built


def test_image_is_made_once(tmp_path: Path, built: list[Path]) -> None:
    stack = make_guests(tmp_path)
    assert cache.make(stack) == cache.make(stack) == cache.directory(stack)
    assert built == [cache.directory(stack)]
    PrivateCache(tmp_path / "cache" / "guests").clear()  # raises if it is not private
    assert not built[0].exists()


@pytest.mark.parametrize("part", PARTS)
def test_image_that_lacks_a_part_is_made_again(
    tmp_path: Path, built: list[Path], part: str
) -> None:
    stack = make_guests(tmp_path)
    (cache.make(stack) / part).unlink()
    assert (cache.make(stack) / part).is_file()
    assert len(built) == 2


def test_images_that_nobody_uses_are_removed_when_one_is_made(
    tmp_path: Path, built: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, pruned = make_guests(tmp_path), []

    def prune(self: PrivateCache) -> None:
        pruned.append(self.directory)

    monkeypatch.setattr(PrivateCache, "prune", prune)
    image = cache.make(stack)
    assert pruned == [image.parent]
    for name in PARTS:
        os.utime(image / name, (0, 0))
    cache.make(stack)
    assert all((image / name).stat().st_mtime for name in PARTS)
    assert pruned == [image.parent]
