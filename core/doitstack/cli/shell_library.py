"""`python -m doitstack shell-library`: print the path of DevStack's functions for bash."""

import sys
from collections.abc import Sequence
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "bash" / "library.sh"


def main(_arguments: Sequence[str]) -> int:
    """Print the file to source for DevStack's functions in bash. Return the exit code."""
    sys.stdout.write(f"{LIBRARY}\n")
    return 0
