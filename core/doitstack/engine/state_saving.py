"""Saves doit's state during a run, so that a killed run keeps the steps that have succeeded."""

from collections.abc import Callable
from typing import Any

from doit.task import Task

_INTERVAL = 1.0
"""The least time between two savings of doit's state (s)."""


class StateSaving:
    """Saves the state of doit's `dep_manager`; `now` returns the time in s."""

    def __init__(self, dep_manager: Any, now: Callable[[], float]) -> None:
        self._dep_manager = dep_manager
        self._now = now
        self._saved = now()

    def forget_success(self, task: Task) -> None:
        """Remove the success of a task from the file: it may be killed while it runs."""
        if task.actions and self._dep_manager.backend.in_(task.name):
            self._dep_manager.remove_success(task)
            if task.uptodate or task.file_dep:
                self._dep_manager.backend.dump()

    def save_now_and_then(self) -> None:
        """Save the state unless it was saved in the last second."""
        if self._now() - self._saved >= _INTERVAL:
            self._dep_manager.backend.dump()
            self._saved = self._now()
