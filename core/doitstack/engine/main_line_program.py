"""Run a program on the main line, with its output in the log, while futures start and end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from doitstack.futures.watchdog import Watchdog
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.program import Program
from doitstack.processes.tree import FUTURE_MARK, Root, stop


class MainLinePrograms:
    """Runs programs on the main line, each in its own process group, watched by the watchdog."""

    def __init__(self, loop: EventLoop, watchdog: Watchdog, output: int) -> None:
        self._loop = loop
        self._watchdog = watchdog
        self._output = output

    @contextmanager
    def marked(self) -> Iterator[None]:
        """Mark what this process itself starts in the block, for the watchdog."""
        with self._watchdog.step() as its_mark:
            os.environ[FUTURE_MARK] = its_mark
            try:
                yield
            finally:
                os.environ.pop(FUTURE_MARK, None)

    def run(self, program: Program) -> None:
        """Run `program` to its end while futures start and end. Raises CommandError.

        A time-out or an interruption of the wait first stops the program's whole process tree.
        Nothing else in this method may be interrupted.
        """
        its_mark = self._watchdog.next_program()
        env = {**(program.env or {}), FUTURE_MARK: its_mark}
        process = replace(program, env=env).start(self._output, own_group=True)
        self._watchdog.program(process.pid)
        try:
            if not self._has_ended(process.pid, program.timeout):
                raise program.timed_out()
        except BaseException:
            stop([Root(process.pid, its_mark)])
            raise
        finally:
            process.wait()
            self._watchdog.program(0)
        program.check(process.returncode)

    def _has_ended(self, pid: int, timeout: float | None) -> bool:
        """Wait up to `timeout` s for the end of a process; return whether it came."""
        ended: list[bool] = []
        self._loop.when_ended(pid, lambda: ended.append(True))
        return self._loop.run_until(lambda: bool(ended), timeout)
