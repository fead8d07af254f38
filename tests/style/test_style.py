"""The linters pass, run as a contributor would run them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

SHELL_SCRIPTS = [
    *ROOT.glob("core/**/*.sh"),
    *ROOT.glob("core/**/*.bash"),
    *ROOT.glob("plugins/**/*.sh"),
    *ROOT.glob("plugins/doitstack_plugins/libvirt/programs/*"),
    *ROOT.glob("extras.d/*.sh"),
    *ROOT.glob("bench/*.sh"),
    *ROOT.glob("tests/public_plugins/**/*.sh"),
    *ROOT.glob("tests/public_plugins/stubs/*"),
    ROOT / ".ci" / "run",
]

# The slowest first: without a cache mypy takes longer than the others together.
CHECKS = {
    "mypy": ["mypy"],
    "shellcheck": ["shellcheck", "--shell=bash", "--external-sources", *map(str, SHELL_SCRIPTS)],
    "import-linter": ["lint-imports"],
    "ruff check": ["ruff", "check", "."],
    "ruff format": ["ruff", "format", "--check", "."],
}


@pytest.mark.parametrize("check", CHECKS)
def test_check_passes(check: str) -> None:
    program, *arguments = CHECKS[check]
    answer = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
