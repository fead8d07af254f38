"""`python -m doitstack`: commands that need no stack directory and no `doit`."""

import sys
from collections.abc import Sequence
from importlib import import_module

from doitstack.errors import DoitstackError

VERBS = {
    "init": "doitstack.cli.init",
    "cache": "doitstack.cli.cache",
    "shell-library": "doitstack.cli.shell_library",
    "request": "doitstack.cli.request",
    "completion": "doitstack.cli.completion.script",
    "complete": "doitstack.cli.completion.complete",
}
"""The verbs, each with the module whose `main` runs it; only that module is imported."""


def main(arguments: Sequence[str]) -> int:
    """Run one verb. Return the exit code: 3 for a mistake of the user."""
    if not arguments or arguments[0] not in VERBS:
        print(f"usage: python -m doitstack {'|'.join(VERBS)} ...", file=sys.stderr)
        return 3
    verb, *rest = arguments
    try:
        code: int = import_module(VERBS[verb]).main(rest)
    except DoitstackError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 3
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
