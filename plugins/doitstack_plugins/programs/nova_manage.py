"""Run several commands of nova-manage for the price of one: it takes over 3 s only to import.

Run by the interpreter of nova's environment. Standard input has a command a line, as JSON: its
arguments, and the exit codes that are good. The first that fails ends it.
"""

import importlib
import json
import os
import sys
from types import ModuleType


def main() -> int:
    """Run the commands, each in a process of its own; return the code of the first that failed."""
    # It forks, which green threads do not survive.
    os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "1"
    nova = importlib.import_module("nova.cmd.manage")
    for line in sys.stdin:
        arguments, good = json.loads(line)
        code = _run(nova, arguments)
        if code not in good:
            print("nova-manage", *arguments, "ended with", code, file=sys.stderr)  # noqa: T201
            return code or 1
    return 0


def _run(nova: ModuleType, arguments: list[str]) -> int:
    child = os.fork()
    if not child:
        sys.argv = ["nova-manage", *arguments]
        sys.exit(nova.main())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    sys.exit(main())
