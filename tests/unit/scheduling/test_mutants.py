"""The tests notice a broken scheduler."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run_mutants(every: int) -> str:
    """Try one mutant in `every`; return what there is to say about them."""
    command = [sys.executable, "-m", "tests.unit.scheduling.mutants", str(every)]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_some_mutants_are_caught() -> None:
    (tried,) = run_mutants(15).splitlines()
    assert int(tried.removesuffix(" tried")) >= 10


@pytest.mark.full
def test_all_mutants_are_caught() -> None:
    (tried,) = run_mutants(1).splitlines()
    assert int(tried.removesuffix(" tried")) >= 100
