"""`python -m doitstack request`: answers a request of a shell that is not a session of a run."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from doitstack.bash.request_handlers import answer
from doitstack.errors import SettingsError
from doitstack.planning.stack_directory import StackDirectory


def main(arguments: Sequence[str]) -> int:
    """Answer a request of a shell. Return the exit code of the request."""
    if not arguments:
        raise SettingsError("request: which one? python -m doitstack request VERB ARGUMENT...")
    directory = StackDirectory(Path(os.environ.get("TOP_DIR", ".")).absolute())
    result = answer(directory.stack, arguments[0], arguments[1:])
    sys.stdout.write(result.out)
    sys.stderr.write(result.err)
    return result.code
