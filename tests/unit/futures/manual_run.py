"""A run whose futures have no process: tests start and end them."""

from collections.abc import Callable
from pathlib import Path

from doitstack.futures.future import Future
from doitstack.futures.registry import FutureRegistry
from tests.unit.fake_run import FakeRun

NO_PID = 4_194_303
"""The greatest pid there can be, which no process here has: tests end the futures' processes."""


class ManualRun(FakeRun):
    """A run whose futures have no process."""

    def __init__(self, directory: Path, **options: int) -> None:
        super().__init__(directory, **options)
        self.futures = FutureRegistry(self.context)
        self.started: list[str] = []

    def start(self, name: str, *, lock: str = "") -> Future:
        future = self.futures.declare(name, f"do {name}", lock=lock)
        self.futures.start_when_possible(future, lambda: self._begin(future))
        self.futures.pump()
        return future

    def _begin(self, future: Future) -> None:
        self.started.append(future.name)
        future.declare_time = 0.0
        self.futures.runs(future, NO_PID, 1.0)

    def end(self, name: str, rc: int = 0) -> None:
        future = self.futures.table.find(name)
        assert future
        self.record_end(name, rc)
        self.futures.ended(future, rc)


MakeRun = Callable[..., ManualRun]
