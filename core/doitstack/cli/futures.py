"""`doit futures`: the futures of the last or the current run."""

import shutil
import sys
import time
from typing import Any

from doitstack.cli.base import FOLLOW, JSON, FollowCommand, width
from doitstack.journal.last_run import LastRun
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.json_lists import futures_json

REFRESH = 0.5
"""Seconds between two updates."""

_CLEAR = "\x1b[J"
_UP = "\x1b[{}F"


class Futures(FollowCommand):
    """`doit futures`."""

    doc_purpose = "show the futures of the last run and their state"
    doc_examples = ("doit futures", "doit futures -f")
    cmd_options = ({**FOLLOW, "help": "show them again, until the run ends"}, JSON)

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the futures, even of a run in another terminal."""
        run = LastRun(directory.stack.dest, directory.stack.log_dir)
        if params["json"]:
            return futures_json(run.futures())
        if params["follow"]:
            show = _in_place if sys.stdout.isatty() else _appended
            show(run)
        return "" if params["follow"] else tables.futures_table(run.futures(), width())


def _in_place(run: LastRun) -> None:
    """Redraw the table in place until the run ends; then write all of it."""
    up = ""
    while run.goes_on:
        size = shutil.get_terminal_size()
        # Those that are over are the first to find no room.
        rows = sorted(run.futures(), key=lambda row: row.state.is_over)
        lines = tables.futures_table(rows, size.columns - 1).splitlines()
        shown = [line[: size.columns - 1] for line in lines[: size.lines - 1]]
        sys.stdout.write(f"{up}{_CLEAR}" + "".join(f"{line}\n" for line in shown))
        sys.stdout.flush()
        up = _UP.format(len(shown))
        time.sleep(REFRESH)
    sys.stdout.write(f"{up}{_CLEAR}{tables.futures_table(run.futures(), width())}")


def _appended(run: LastRun) -> None:
    """Write the table whenever a state changes, until the run ends."""
    before = None
    goes_on = True
    while goes_on:
        goes_on = run.goes_on
        rows = run.futures()
        states = [(row.name, row.state, row.rc) for row in rows]
        if states != before:
            sys.stdout.write(("" if before is None else "\n") + tables.futures_table(rows, width()))
            sys.stdout.flush()
            before = states
        if goes_on:
            time.sleep(REFRESH)
