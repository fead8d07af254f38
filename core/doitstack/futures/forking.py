"""Forks the children in which the futures of Python run."""

import os
from collections.abc import Callable
from typing import Any

from doitstack.futures.child_process import Assignment, child_streams, run_child
from doitstack.futures.future import Future
from doitstack.futures.run_context import RunContext
from doitstack.futures.watchdog import mark


class Forker:
    """Forks children of the process that makes it.

    Attributes:
        close_in_child: functions that each child calls first. They close descriptors that must be
            closed when the main process ends.
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._streams = child_streams()
        self.parent = os.getpid()
        self.close_in_child: list[Callable[[], None]] = [run.log.detach]

    @property
    def is_parent(self) -> bool:
        """Whether this is the main process, and not one of the children."""
        return os.getpid() == self.parent

    def fork(self, future: Future, action: Callable[[], Any]) -> int:
        """Run `action` as `future` in a child; return its pid. Raises OSError."""
        run = self._run
        work = Assignment(
            name=future.name,
            command=future.command,
            directory=run.futures_dir,
            main_log=run.log.path,
            parent=self.parent,
            mark=mark(run.name, future.name),
            now=run.journal.now,
            close_inherited=self._close_inherited,
            streams=self._streams,
            in_place=future.in_place,
        )
        pid = os.fork()
        if pid == 0:
            run_child(work, action)
        return pid

    def _close_inherited(self) -> None:
        for close in self.close_in_child:
            close()
