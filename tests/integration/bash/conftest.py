"""Fixtures of the tests of the shell."""

import pytest

from tests.conftest import MakeStackDir
from tests.integration.bash.scripts import Run


@pytest.fixture
def run(stack_dir: MakeStackDir) -> Run:
    return Run(stack_dir)
