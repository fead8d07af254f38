"""The screen of a run: the one that the user asked for, if stdout allows it."""

import os
from collections.abc import Callable

from doitstack.console.screens import PlainScreen, QuietScreen, Screen, mode, wants_colours
from doitstack.engine.run import OpenRun
from doitstack.planning.plan import PlannedStep


def choose_screen(wanted: str, run: OpenRun, steps: Callable[[], list[PlannedStep]]) -> Screen:
    """Return the screen for the mode `wanted`; live only if stdout is a terminal.

    `steps` returns the steps of the run so far.
    """
    stdout = 1
    chosen = mode(wanted, os.environ, stdout)
    has_colours = wants_colours(chosen, os.environ, stdout)
    match chosen:
        case "live":
            from doitstack.console.live_screen import LiveScreen, Watch  # noqa: PLC0415 - needs rich

            context = run.context
            watch = Watch(
                journal=context.journal.path,
                plan=steps,
                expected=context.priorities.durations,
                now=context.journal.now,
                main_log=context.log.path,
                future_logs=context.futures_dir,
            )
            return LiveScreen(stdout, watch, has_colours=has_colours)
        case "quiet":
            return QuietScreen(stdout, has_colours=has_colours)
        case _:
            return PlainScreen(stdout, has_colours=has_colours)
