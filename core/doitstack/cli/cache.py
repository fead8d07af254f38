"""`python -m doitstack cache`: show or remove the byte code that is kept for other stacks."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from doitstack.bytecode_cache import BytecodeCache
from doitstack.config.cache_directories import BYTECODE, cache_directory
from doitstack.config.settings import load_settings
from doitstack.errors import StepError


def main(arguments: Sequence[str]) -> int:
    """Show the cache of the current stack directory, or of the user elsewhere. Return 0.

    Raises StepError if the cache belongs to another user or cannot be removed.
    """
    parser = argparse.ArgumentParser(prog="python -m doitstack cache")
    parser.add_argument("--clear", action="store_true", help="remove it")
    is_cleared: bool = parser.parse_args(arguments).clear
    settings = load_settings(Path.cwd(), os.environ)
    cache = BytecodeCache(cache_directory(settings) / BYTECODE)
    try:
        files, size = cache.size()
        if is_cleared:
            cache.clear()
    except OSError as error:
        raise StepError(f"{cache.directory}: {error.strerror}") from error
    verb = "removed " if is_cleared else ""
    sys.stdout.write(f"{verb}{cache.directory}: {files} files, {size / 2**20:.0f} MiB\n")
    return 0
