"""A run without processes: a real journal, loop and scheduler, and a log in memory."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doitstack.config.masking import Mask, Masked
from doitstack.futures.priorities import Priorities
from doitstack.futures.run_context import RunContext, RunOptions
from doitstack.futures.slots import Slots
from doitstack.journal.job_file import Job, close_job, open_job
from doitstack.journal.journal_file import Journal
from doitstack.processes.event_loop import EventLoop
from doitstack.scheduling.scheduler import Scheduler


class FakeLog:
    """A main log that keeps its lines; an inserted log is a line with its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = 1
        self.lines: list[str] = []

    def write(self, text: str) -> None:
        self.lines += text.splitlines()

    add = write

    def insert(self, path: Path | str, masked: Masked | None = None) -> tuple[int, int]:
        self.lines.append(f"<{Path(path).name}>")
        return (0, 0)

    @property
    def size(self) -> int:
        return 0

    def detach(self) -> None:
        pass


class FakeWatchdog:
    """Watches nothing."""

    def session(self, pid: int) -> None:
        pass

    @contextmanager
    def step(self) -> Iterator[str]:
        yield "run:step"


class FakeRun:
    """The context of a run in `directory`."""

    def __init__(
        self,
        directory: Path,
        *,
        jobs: int = 0,
        parallel: bool = True,
        keep_going: bool = False,
        strict: bool = False,
    ) -> None:
        self.directory = directory
        self.log = FakeLog(directory / "stack.log")
        slots = Slots(jobs)
        options = RunOptions((), jobs, parallel, keep_going, strict, tears_down=False)
        log: Any = self.log
        watchdog: Any = FakeWatchdog()
        self.context = RunContext(
            name="run",
            options=options,
            futures_dir=directory,
            journal=Journal(directory / "run.jsonl"),
            log=log,
            loop=EventLoop(),
            watchdog=watchdog,
            slots=slots,
            scheduler=Scheduler(slots, serial=not parallel, keep_going=keep_going),
            priorities=Priorities({}),
            redact=lambda text: text.replace("secret", "***"),
            mask=lambda path: Masked(Mask(), 0),
            mask_again=lambda: None,
            learn=lambda secret: None,
        )

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the journal has, without times."""
        lines = (self.directory / "run.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def kinds(self, name: str) -> list[str]:
        """Return the kinds of event of one future."""
        return [event["event"] for event in self.events if event.get("name") == name]

    def record_end(self, name: str, rc: int, end_time: int = 2500) -> None:
        """Write the job file of a future that has ended."""
        path = f"{self.directory}/{name}.ini"
        close_job(open_job(path, Job(name, 1, 1000, 1)), end_time, rc)

    def soon(self, function: Callable[[], object]) -> None:
        """Call `function` from the loop, as if something had happened outside."""
        read, write = os.pipe()
        os.write(write, b"x")

        def call() -> None:
            self.context.loop.forget(read)
            os.close(read)
            os.close(write)
            function()

        self.context.loop.watch(read, call)

    def close(self) -> None:
        self.context.slots.close()
        self.context.loop.close()
        self.context.journal.close()


@contextmanager
def closed_at_the_end(kind: Callable[..., FakeRun], top: Path) -> Iterator[Callable[..., Any]]:
    """Give a maker of runs of a kind below `top`, and close at the end what it has made."""
    made: list[FakeRun] = []

    def make(**options: int) -> FakeRun:
        made.append(kind(top, **options))
        return made[-1]

    yield make
    for run in made:
        run.close()
