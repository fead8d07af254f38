"""`doit log NAME`: the log of a future, a service, a script or the main line."""

import sys
from collections.abc import Callable
from typing import Any

from doit.exceptions import InvalidCommand

from doitstack.cli.base import FOLLOW, JSON, FollowCommand, width
from doitstack.cli.follow_file import Follower
from doitstack.config.hosts import Host, host_of
from doitstack.config.masking import masked_chunks
from doitstack.config.passwords import Secrets
from doitstack.console.main_log import write_all
from doitstack.errors import StepError
from doitstack.journal.last_run import LastRun
from doitstack.journal.log_files import LogKind, NamedLog, find_log, known_logs
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.stack_directory import StackDirectory
from doitstack.reports import tables
from doitstack.reports.json_lists import logs_json


class Log(FollowCommand):
    """`doit log`."""

    doc_purpose = "print a log, or follow it; without NAME, list the logs"
    doc_examples = ("doit log", "doit log stack -f", "doit log install_tempest --lines 20")
    doc_usage = "[NAME] [-f] [--lines=N]"
    doc_description = (
        "NAME is, in this order: `stack`, the main line's log; a future; a service; the trace "
        "of a script, by its task or the end of that. A service that has the name of a future "
        "is service:NAME."
    )
    cmd_options = (
        {**JSON, "help": "list the logs as JSON objects"},
        {
            **FOLLOW,
            "help": "print new lines until the future has ended or, for the main line, the run; "
            "for a service, until Ctrl-C",
        },
        {
            "name": "lines",
            "short": "",
            "long": "lines",
            "type": int,
            "default": None,
            "metavar": "N",
            "help": "begin with the last N lines",
        },
    )

    def execute(self, params: Any, args: list[str]) -> int:
        """Print a log, or the list of logs."""
        if len(args) > 1:
            raise InvalidCommand(f"log takes one NAME: {' '.join(args)}")
        if params["lines"] is not None and params["lines"] < 0:
            raise InvalidCommand("log: --lines takes a whole number, 0 or more")
        self._name = args[0] if args else None
        return super().execute(params, [])

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the list of logs, or write the named log with stars for secrets."""
        run = LastRun(directory.stack.dest, directory.stack.log_dir)
        logs = logs_of(directory, run)
        if self._name is None:
            there = [log for log in logs if log.path.exists()]
            return logs_json(there) if params["json"] else tables.logs_table(there, width())
        host = host_of(self._name, directory.settings)
        if host and not any(log.name == self._name and log.path.exists() for log in logs):
            return self._show_there(directory, host, params, goes_on=run.goes_on)
        log = find_log(self._name.removesuffix(f"@{directory.settings['THIS_HOST']}"), logs)
        if not log.path.exists() and not (params["follow"] and run.goes_on):
            raise StepError(
                f"future {log.name} has no log: it has not started, or it ran in the main line, "
                f"whose log is `doit log stack`"
            )
        secrets = Secrets(directory.settings)
        is_over = _end_of(log, run) if params["follow"] else _at_once
        with Follower(log.path, params["lines"]) as follower:
            for chunk in masked_chunks(follower.follow(is_over), lambda: secrets.mask):
                write_all(sys.stdout.fileno(), chunk)
        return ""

    def _show_there(
        self, directory: StackDirectory, host: Host, params: Any, *, goes_on: bool
    ) -> str:
        """Show the log of a future of another host, which may be unknown here. Raises StepError.

        `goes_on`: whether there is a run, which may start it later.
        """
        from doitstack.hosts.doit_on_host import ask_host  # noqa: PLC0415 - for hosts only

        name, _, _ = str(self._name).rpartition("@")
        words = ["log", name, *(["--follow"] if params["follow"] else [])]
        if params["lines"] is not None:
            words.append(f"--lines={params['lines']}")
        if ask_host(directory.stack, host, words, print):
            hint = f"; `doit log stack@{host.name} -f` shows the run there" if goes_on else ""
            raise StepError(f"{host.name} has no log of {name}{hint}")
        return ""

    def completions(self, params: Any) -> list[tuple[str, str]]:
        """Return the possible values of NAME, each with its kind."""
        self.loader.setup(params)
        directory = loaded().directory
        run = LastRun(directory.stack.dest, directory.stack.log_dir)
        return [(log.name, log.of.value) for log in logs_of(directory, run)]


def logs_of(directory: StackDirectory, run: LastRun) -> list[NamedLog]:
    """Return the logs that exist or, for futures, may exist later."""
    stack = directory.stack
    futures = [row.name for row in run.futures()]
    return list(known_logs(stack.dest / "async", stack.log_dir, futures))


def _at_once() -> bool:
    return True


def _end_of(log: NamedLog, run: LastRun) -> Callable[[], bool]:
    """Return a function that returns whether `log` is complete."""
    return {
        LogKind.MAIN_LINE: lambda: not run.goes_on,
        LogKind.FUTURE: lambda: run.is_over(log.name),
        LogKind.SERVICE: lambda: False,
        LogKind.SCRIPT: lambda: run.is_step_over(log.name),
    }[log.of]
