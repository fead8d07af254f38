"""Forks the children in which the futures of Python run."""

import os
import sys
from collections.abc import Callable
from typing import Any

from doitstack.futures.child_process import Setting, child_streams, run_child
from doitstack.futures.future import Future
from doitstack.futures.run_context import RunContext


class Forker:
    """Forks children of the process that makes it.

    Attributes:
        close_in_child: functions that each child calls first. They close descriptors that must be
            closed when the main process ends.
    """

    def __init__(self, run: RunContext) -> None:
        self.parent = os.getpid()
        self.close_in_child: list[Callable[[], None]] = [run.log.detach]
        self._setting = Setting(
            run=run.name,
            directory=str(run.futures_dir),
            main_log=str(run.log.path),
            parent=self.parent,
            now=run.journal.now,
            close_inherited=self._close_inherited,
            streams=child_streams(),
        )
        # A child that replaced the last reference would free them, which copies 20 pages.
        self._streams = (sys.stdout, sys.stderr)

    @property
    def is_parent(self) -> bool:
        """Whether this is the main process, and not one of the children."""
        return os.getpid() == self.parent

    def fork(self, future: Future, action: Callable[[], Any]) -> int:
        """Run `action` as `future` in a child; return its pid. Raises OSError."""
        pid = os.fork()
        if pid == 0:
            run_child(self._setting, future, action)
        return pid

    def _close_inherited(self) -> None:
        for close in self.close_in_child:
            close()
