"""How a future ended, from what its process left."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from doitstack.futures.result import outcome


def test_end_that_nobody_recorded_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda directory: SimpleNamespace(free=0))
    ended = outcome("big", 1, None, tmp_path / "big.result")
    assert (ended.rc, str(ended.error)) == (
        1,
        f"future big: could not record its end: {tmp_path} is full",
    )
    # What it recorded all the same is believed.
    assert str(outcome("big", 2, 2, tmp_path / "big.result").error) == (
        "future big: failed with rc 2"
    )
