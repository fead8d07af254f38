"""The tests notice a broken scheduler."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run_mutants(*most: str) -> str:
    """Try all mutants, or at most so many; return the report."""
    command = [sys.executable, "-m", "tests.unit.scheduling.mutants", *most]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_some_mutants_are_caught() -> None:
    assert run_mutants("6") == "6 tried\n"


@pytest.mark.full
def test_all_mutants_are_caught() -> None:
    (tried,) = run_mutants().splitlines()
    assert int(tried.removesuffix(" tried")) >= 100
