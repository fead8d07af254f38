"""An `uptodate` for steps that are good as long as what they were made from stays the same."""

import hashlib
from collections.abc import Callable
from typing import Any


class Unchanged:
    """True while the texts that `parts` return are those after the step's last good run.

    For `uptodate=[Unchanged(...)]`. The parts are asked when the step's turn comes and when it has
    ended well. Only a digest of them is kept, so they may hold secrets.
    """

    def __init__(self, *parts: Callable[[], str]) -> None:
        self._parts = parts

    def __call__(self, task: Any, values: dict[str, Any]) -> bool:
        """Compare, and have doit remember; doit gives its objects to parameters of these names."""
        task.value_savers.append(lambda: {"unchanged": self._digest()})
        return bool(values.get("unchanged") == self._digest())

    def _digest(self) -> str:
        return digest(*(part() for part in self._parts))


def digest(*texts: str) -> str:
    """Return what identifies these texts, in this order."""
    return hashlib.sha256(repr(texts).encode()).hexdigest()
