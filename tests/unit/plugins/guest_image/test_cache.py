"""The image is made once for all stacks."""

from pathlib import Path

import pytest

from doitstack.private_cache import PrivateCache
from doitstack_plugins.guest_image import cache
from tests.unit.plugins.libvirt.stacks import make_guests


def test_image_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, built = make_guests(tmp_path), []

    def build(_: object, target: Path) -> None:
        built.append(target)
        target.mkdir()
        (target / cache.DISK).touch()

    monkeypatch.setattr(cache, "build", build)
    assert cache.make(stack) == cache.make(stack) == cache.directory(stack)
    assert built == [cache.directory(stack)]
    PrivateCache(tmp_path / "cache" / "guests").clear()  # raises if it is not private
    assert not built[0].exists()
