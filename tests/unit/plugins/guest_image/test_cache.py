"""The image is made once for all stacks."""

from pathlib import Path

import pytest

from doitstack_plugins.guest_image import cache
from tests.unit.plugins.libvirt.stacks import make_guests


def test_image_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack, built = make_guests(tmp_path), []

    def build(_: object, target: Path) -> None:
        built.append(target)
        target.mkdir(parents=True)
        (target / cache.DISK).touch()

    monkeypatch.setattr(cache, "build", build)
    assert cache.make(stack) == cache.make(stack) == cache.directory(stack)
    assert built == [cache.directory(stack)]
