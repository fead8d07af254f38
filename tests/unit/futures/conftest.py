"""Runs whose futures have no process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.fake_run import closed_at_the_end
from tests.unit.futures.manual_run import MakeRun, ManualRun


@pytest.fixture
def make_run(tmp_path: Path) -> Iterator[MakeRun]:
    with closed_at_the_end(ManualRun, tmp_path) as make:
        yield make
