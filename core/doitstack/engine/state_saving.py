"""Saves doit's state during a run, so that a killed run keeps the steps that have succeeded."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from doit.exceptions import TaskFailed
from doit.task import Task

from doitstack.errors import StepError, shortage
from doitstack.private_files import sync

_INTERVAL = 1.0
"""The least time between two savings of doit's state (s)."""


class StateSaving:
    """Saves the state of doit's `dep_manager`.

    `now` returns the time in s; `call_later` calls a function after some seconds.
    """

    def __init__(
        self,
        dep_manager: Any,
        now: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._dep_manager = dep_manager
        self._now = now
        self._call_later = call_later
        self._saved = now()
        self._is_planned = False

    def forget_success(self, task: Task) -> None:
        """Remove the success of a task from the file: it may be killed while it runs.

        Raises StepError if that is impossible. Then the task must not start.
        """
        if task.actions and self._dep_manager.backend.in_(task.name):
            self._dep_manager.remove_success(task)
            if task.uptodate or task.file_dep:
                self._save_or_refuse()

    def _save_or_refuse(self) -> None:
        backend = self._dep_manager.backend
        try:
            # The other backends, for `--backend`, are doit's own.
            getattr(backend, "dump_or_remove", backend.dump)()
        except OSError as error:
            raise StepError(
                f"cannot start: its earlier success cannot be removed from {backend.name}: "
                f"{error.strerror}"
            ) from error

    @staticmethod
    def sync_targets(task: Task) -> TaskFailed | None:
        """Write the targets of a task to disk, before its success; return a failure."""
        for target in task.targets:
            try:
                sync(Path(target))
            except OSError as error:
                if shortage(error):
                    return TaskFailed(f"{target} is not on disk: {error.strerror}")
        return None

    def save_now_and_then(self) -> None:
        """Save the state, but only once in a second: if it was just saved, a second later."""
        if self._now() - self._saved >= _INTERVAL:
            self._save()
        elif not self._is_planned:
            self._is_planned = True
            self._call_later(_INTERVAL, self._save)

    def _save(self) -> None:
        self._dep_manager.backend.dump()
        self._saved = self._now()
        self._is_planned = False
