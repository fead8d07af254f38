"""`python -m doitstack completion SHELL`: the script by which a shell completes `doit`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from doitstack.errors import SettingsError

SHELLS = ("bash", "zsh")


def main(arguments: Sequence[str]) -> int:
    """Print the script for a shell to source. Return the exit code."""
    if len(arguments) != 1 or arguments[0] not in SHELLS:
        raise SettingsError(f"completion: for which shell? {' or '.join(SHELLS)}")
    sys.stdout.write(script(arguments[0]))
    return 0


def script(shell: str) -> str:
    """Return the script for `shell` to source."""
    text = (Path(__file__).parent / f"doit.{shell}").read_text(encoding="utf-8")
    return text.replace("@PYTHON@", quote(sys.executable))
