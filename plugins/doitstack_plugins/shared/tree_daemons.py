"""Daemons that run code from source trees, which are restarted while the user waits for it."""

from collections.abc import Iterable

from doitstack import Stack

SOON = 1
"""Seconds in which such a daemon may end, if what it does is not real."""


def stop_outdated(stack: Stack, names: Iterable[str], code: str) -> None:
    """Ask the daemons that run other code of trees to end: `run_process` waits until they have.

    Each takes its time, so all take it together, and while the API imports the code. `code` is the
    digest of the code that they are to run; without one it is from packages.
    """
    if code:
        outdated = (name for name in names if not stack.services.runs(name, code))
        stack.stop_process(*outdated, wait=False)
