"""Programs of the main line: run one, with its output in the log, while futures go on."""

from dataclasses import replace

from doitstack.futures.watchdog import Guard
from doitstack.processes.event_loop import Loop
from doitstack.processes.program import Program
from doitstack.processes.tree import FUTURE_MARK, Root, stop


class MainLinePrograms:
    """Runs programs on the main line: each in a group of its own, known to the guard."""

    def __init__(self, loop: Loop, guard: Guard, output: int) -> None:
        self._loop = loop
        self._guard = guard
        self._output = output

    def run(self, program: Program) -> None:
        """Run `program` to its end while futures go on; raises CommandError.

        Interrupted, it ends the program's whole tree first.
        """
        # Between start and record, an interruption would leave it behind.
        with self._loop.shielded():
            its_mark = self._guard.next_program()
            env = {**(program.env or {}), FUTURE_MARK: its_mark}
            process = replace(program, env=env).start(self._output, own_group=True)
            self._guard.program(process.pid)
            try:
                self._wait(process.pid)
            except BaseException:
                stop([Root(process.pid, its_mark)])
                raise
            finally:
                process.wait()
                self._guard.program(0)
        program.check(process.returncode)

    def _wait(self, pid: int) -> None:
        ended: list[bool] = []
        self._loop.when_ended(pid, lambda: ended.append(True))
        self._loop.run_until(lambda: bool(ended))
