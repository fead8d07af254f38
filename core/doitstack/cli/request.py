"""`python -m doitstack request`: the requests of shells that have no session."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from doitstack.bash.request_handlers import answer
from doitstack.errors import SettingsError
from doitstack.planning.stack_directory import StackDirectory


def main(arguments: Sequence[str]) -> int:
    """Answer one request of a shell that has no session. Return the request's exit code."""
    if not arguments:
        raise SettingsError("request: which one? python -m doitstack request VERB ARGUMENT...")
    directory = StackDirectory(Path(os.environ.get("TOP_DIR", ".")).absolute())
    result = answer(directory.stack, arguments[0], arguments[1:])
    sys.stdout.write(result.out)
    sys.stderr.write(result.err)
    return result.code
