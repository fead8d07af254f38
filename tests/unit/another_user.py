"""Files of another user: real ones if root runs the tests, else as `os.stat` would report them."""

import os
from pathlib import Path

import pytest

ANOTHER = 12345


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `path` belong to another user; a link itself, not what it leads to."""
    if os.geteuid() == 0:
        os.lchown(path, ANOTHER, ANOTHER)
        return
    real, given = os.stat, os.lstat(path)

    def stat(place: str | Path, **options: object) -> os.stat_result:
        found: os.stat_result = real(place, **options)  # type: ignore[call-overload]
        if (found.st_dev, found.st_ino) != (given.st_dev, given.st_ino):
            return found
        mode, ino, dev, links, _, *rest = found
        return os.stat_result((mode, ino, dev, links, ANOTHER, *rest))

    monkeypatch.setattr(os, "stat", stat)
