"""An `uptodate` for steps that are up to date as long as their inputs do not change."""

import hashlib
from collections.abc import Callable
from typing import Any


class Unchanged:
    """True if the texts that `parts` return are the same as after the step's last success.

    Use it as `uptodate=[Unchanged(...)]`. The parts are called before the step runs and after it
    has succeeded. Only a digest of the texts is saved, so they may contain secrets.
    """

    def __init__(self, *parts: Callable[[], str]) -> None:
        self._parts = parts

    def __call__(self, task: Any, values: dict[str, Any]) -> bool:
        """Compare, and let doit save the digest. doit passes arguments by these names."""
        task.value_savers.append(lambda: {"unchanged": self._digest()})
        return bool(values.get("unchanged") == self._digest())

    def _digest(self) -> str:
        return digest(*(part() for part in self._parts))


def unless_failed(task: Any, values: dict[str, Any]) -> bool | None:
    """Return False unless the task's last start ended in success; None leaves it to the others.

    It is added to the `uptodate` of every step: the target that a step was writing when it failed
    or was killed exists, but is not good. doit passes arguments by these names.
    """
    task.value_savers.append(lambda: {"succeeded": True})
    return None if values.get("succeeded") else False


def digest(*texts: str) -> str:
    """Return a digest of these texts, in this order."""
    return hashlib.sha256(repr(texts).encode()).hexdigest()
