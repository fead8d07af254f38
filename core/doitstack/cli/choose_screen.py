"""The screen of a run: the one that the user asked for, if stdout allows it."""

import os
from collections.abc import Callable

from doitstack.console.screens import PlainScreen, QuietScreen, Screen, mode
from doitstack.engine.doit_runner import PlanDispatcher, wanted
from doitstack.engine.run import Executor
from doitstack.planning.doit_tasks import planned_step
from doitstack.planning.plan import PlannedStep


def choose_screen(wanted: str, executor: Executor, dispatcher: PlanDispatcher) -> Screen:
    """Return the screen for the mode `wanted`; live only if stdout is a terminal."""
    stdout = 1
    match mode(wanted, os.environ, stdout):
        case "live":
            from doitstack.console.live_screen import LiveScreen, Watch  # noqa: PLC0415 - needs rich

            watch = Watch(
                journal=executor.journal.path,
                plan=_wanted_steps(dispatcher),
                expected=executor.expected,
                now=executor.now,
                main_log=executor.log.path,
                future_logs=executor.futures_dir,
            )
            return LiveScreen(stdout, watch)
        case "quiet":
            return QuietScreen(stdout)
        case _:
            return PlainScreen(stdout)


def _wanted_steps(dispatcher: PlanDispatcher) -> Callable[[], list[PlannedStep]]:
    """Return a function that returns the steps of the run: `source` may add some."""
    known: dict[int, list[PlannedStep]] = {}

    def steps() -> list[PlannedStep]:
        number = len(dispatcher.tasks)
        if number not in known:
            tasks = map(planned_step, wanted(dispatcher))
            known[number] = [planned for planned in tasks if planned]
        return known[number]

    return steps
