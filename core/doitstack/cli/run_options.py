"""The options of `doit run`, and what follows from options and settings for a run."""

from collections.abc import Sequence

from doit.cmd_run import Run as DoitRun
from doit.cmdparse import CmdParse, CmdParseError

from doitstack.config.bad_values import MOST_JOBS
from doitstack.config.settings import Settings
from doitstack.console.screens import MODES
from doitstack.errors import SettingsError
from doitstack.futures.run_context import RunOptions
from doitstack.planning.loaded_directory import CLEAN
from doitstack.stack import Stack

DOWN_TASKS = frozenset({"unstack", CLEAN})
"""The tasks after which nothing of the stack runs."""

TEARDOWN = DOWN_TASKS | {"clean"}
"""The first parts of the names of the tasks that only remove things."""

CONSOLE = {
    "name": "console",
    "long": "console",
    "type": str,
    "default": "auto",
    "choices": list(MODES.items()),
    "env_var": "DOIT_CONSOLE",
    "help": "what to show of a run; the log is the same [default: %(default)s]",
}
"""The option for what to show; also `console` in `[tool.doit]`, or the environment."""

WATCH = {
    "name": "watch",
    "short": "",
    "long": "watch",
    "type": bool,
    "default": False,
    "help": "run the tasks, and again after each change in a source tree or of local.conf; "
    "end with Ctrl-C",
}
"""The option to run again after each change."""

NO_EFFECT = ("verbosity", "reporter", "outfile", "par_type", "failure_verbosity", "pdb")
"""doit's options that would have no effect here, and are refused."""

_HELP = {
    "always": "run the tasks even if they are up to date",
    "continue": "after a failure, run the tasks that do not depend on the failed one",
    "num_process": "run at most this many futures at once [default: ASYNC_JOBS; 0: all]",
    "single": "run only the named tasks, without those that they depend on",
}

OPTIONS = tuple(
    {**option, "help": _HELP.get(option["name"], option["help"])} for option in DoitRun.cmd_options
)


def refuse_no_effect(parser: CmdParse, options: Sequence[str]) -> None:
    """Raise CmdParseError for an option of doit that would have no effect."""
    for option in parser.options:
        words = [word for word in options if word.partition("=")[0] == f"--{option.long}"]
        if words and option.name in NO_EFFECT:
            raise CmdParseError(
                f"run: {words[0]} has no effect here; --console selects what a run shows, "
                f"`doit log` prints logs"
            )


def run_options(
    settings: Settings, tasks: Sequence[str], jobs: int, *, keep_going: bool
) -> RunOptions:
    """Return the options of a run from the command line and the settings.

    Args:
        tasks: the tasks on the command line.
        jobs: the value of `-n`; 0 for the setting ASYNC_JOBS.
        keep_going: whether `--continue` was given.

    Raises SettingsError for a number of jobs that is not possible.
    """
    if jobs < 0:
        raise SettingsError(f"-n {jobs}: use a whole number, 0 or more")
    if jobs > MOST_JOBS:
        raise SettingsError(f"-n {jobs}: use {MOST_JOBS} at most, or 0 for no limit")
    return RunOptions(
        tasks=tuple(tasks),
        jobs=jobs or settings.number("ASYNC_JOBS"),
        parallel=settings.is_true("DEVSTACK_PARALLEL", default=True),
        keep_going=keep_going,
        strict=settings.is_true("ASYNC_STRICT"),
        tears_down=bool(tasks) and tears_down_only(tasks),
    )


def nothing_to_do(stack: Stack) -> str:
    """Return what `doit unstack` and `doit clean` say if there is nothing; else an empty string.

    DEST may have been removed while its services ran, or changed after the start.
    """
    if stack.dest.exists() or stack.services.is_running() or stack.left_running():
        return ""
    others = (f"{other}\n" for other in stack.others_of_directory())
    return "".join([f"nothing to do: there is no {stack.dest}\n", *others])


def tears_down_only(tasks: Sequence[str]) -> bool:
    """Return whether all tasks only remove things."""
    return {task.partition(":")[0] for task in tasks} <= TEARDOWN
