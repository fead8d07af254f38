"""The rules of the house: what the linters say, as a newcomer would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

CHECKS = {
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
    "mypy": ["mypy"],
    "import-linter": ["lint-imports"],
}


@pytest.mark.parametrize("check", CHECKS)
def test_code_passes(check: str) -> None:
    program, *arguments = CHECKS[check]
    answer = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_shell_passes_shellcheck() -> None:
    scripts = [
        *ROOT.glob("core/**/*.sh"),
        *ROOT.glob("core/**/*.bash"),
        *ROOT.glob("extras.d/*.sh"),
        *ROOT.glob("bench/*.sh"),
        ROOT / ".ci" / "run",
    ]
    answer = subprocess.run(
        [BIN / "shellcheck", "--shell=bash", "--external-sources", *scripts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
