"""`python -m doitstack cache`: show or remove what is kept for other stacks."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from doitstack.config.cache_directories import CACHES, cache_directory
from doitstack.config.settings import load_settings
from doitstack.errors import StepError
from doitstack.private_cache import PrivateCache


def main(arguments: Sequence[str]) -> int:
    """Show the caches of the current stack directory, or of the user elsewhere. Return 0.

    Raises StepError if one belongs to another user or cannot be removed.
    """
    parser = argparse.ArgumentParser(prog="python -m doitstack cache")
    parser.add_argument("--clear", action="store_true", help="remove it")
    is_cleared: bool = parser.parse_args(arguments).clear
    directory = cache_directory(load_settings(Path.cwd(), os.environ))
    for name in CACHES:
        cache = PrivateCache(directory / name)
        try:
            line = _show(cache, is_cleared=is_cleared)
        except OSError as error:
            raise StepError(f"{cache.directory}: {error.strerror}") from error
        sys.stdout.write(line)
    return 0


def _show(cache: PrivateCache, *, is_cleared: bool) -> str:
    """Return a line about the cache, which is removed if `is_cleared`."""
    files, size = cache.size()
    if is_cleared:
        cache.clear()
    verb = "removed " if is_cleared else ""
    return f"{verb}{cache.directory}: {files} files, {size / 2**20:.0f} MiB\n"
