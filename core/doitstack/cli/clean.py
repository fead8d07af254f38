"""`doit clean`: DevStack's clean or, with names of tasks, doit's own."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from doit.cmd_clean import Clean as DoitClean
from doit.exceptions import InvalidDodoFile
from doit.runner import ERROR, SUCCESS

from doitstack.cli.base import InterruptibleCommand, stop_services, system_error_message
from doitstack.cli.run import Run
from doitstack.cli.run_options import CONSOLE, nothing_to_do
from doitstack.cli.task_names import refuse_unknown_tasks
from doitstack.cli.task_sequence import kind_of, run_rest, tail_from
from doitstack.config import dest_directory, dest_lock, devstack_tree, etc_links
from doitstack.config.settings import Settings
from doitstack.console.screens import open_standard_streams
from doitstack.errors import DoitstackError, StepError
from doitstack.planning.loaded_directory import CLEAN, loaded
from doitstack.planning.stack_directory import StackDirectory

RUN_OPTIONS = (
    {
        **CONSOLE,
        "default": None,
        "env_var": None,
        "help": "what to show of the run; the log is the same",
    },
    {
        "name": "num_process",
        "long": "process",
        "type": int,
        "default": None,
        "help": "run at most this many futures at once",
    },
)
"""Options of a run for `doit clean`, in which `-n` is doit's `--dry-run`."""


class Clean(InterruptibleCommand, DoitClean):  # type: ignore[misc]
    """`doit clean`: DevStack's clean. `doit clean TASK...`: doit's."""

    doc_purpose = "unstack and remove everything created; with tasks, run their clean actions"
    doc_usage = "[TASK...] [OPTION...]"
    doc_description = None
    doc_examples = ("doit clean", "doit clean --dry-run", "doit clean stack")
    cmd_options = (*DoitClean.cmd_options, *RUN_OPTIONS)

    def execute(self, params: Any, args: list[str]) -> int | None:
        """Clean the stack, or the named tasks."""
        open_standard_streams()
        if args and kind_of(args[0]):
            return self._clean_first(params, args)
        if args or params["cleanall"]:
            return self._clean_tasks(params, args)
        self.loader.setup(params)
        directory = loaded().directory
        try:
            removed = [*dest_directory.owned(directory.settings), *_links(directory.settings)]
            if params["dryrun"]:
                sys.stdout.writelines(f"would remove {path}\n" for path in removed)
                return 0
            if message := nothing_to_do(directory.stack):
                sys.stdout.write(message)
                return self._remove(directory, SUCCESS)
            return self._clean(directory, params)
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error

    def _clean_tasks(self, params: Any, args: list[str]) -> int | None:
        """Clean tasks as doit does. It saves its state in DEST."""
        self.loader.setup(params)
        directory = loaded().directory
        try:
            dest_directory.claim(directory.settings)
            with dest_lock.held(directory.stack.dest):
                code: int | None = super().execute(params, args)
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        return code

    # doit maps its options to the names of these parameters.
    def _execute(
        self,
        dryrun: bool,  # noqa: FBT001
        cleandep: bool,  # noqa: FBT001
        cleanall: bool,  # noqa: FBT001
        cleanforget: bool,  # noqa: FBT001
        pos_args: list[str] | None = None,
    ) -> None:
        refuse_unknown_tasks(self, (name for name in pos_args or () if "*" not in name))
        super()._execute(dryrun, cleandep, cleanall, cleanforget, pos_args)

    def clean_tasks(self, tasks: Any, dryrun: bool, cleanforget: bool) -> None:  # noqa: FBT001
        """Clean tasks as doit does, and say so if there is nothing to do."""
        if not cleanforget and not any(task.clean_actions or task.targets for task in tasks):
            sys.stdout.write(
                "nothing to do: none of these tasks has a clean action; `doit clean` alone removes "
                "what the stack has created\n"
            )
        super().clean_tasks(tasks, dryrun, cleanforget)

    def _clean_first(self, params: Any, args: list[str]) -> int | None:
        """Clean the stack, then run the tasks: `doit clean stack`."""
        code = self.execute(params, [])
        if not code and not params["dryrun"]:
            run_rest([*self._run_options(params), *tail_from(["clean"], args, sys.argv[1:])])
        return code

    def _clean(self, directory: StackDirectory, params: Any) -> int:
        run = Run(
            task_loader=self.loader, config=self.config, bin_name=self.bin_name, cmds=self.commands
        )
        code: int = run.parse_execute([*self._run_options(params), CLEAN])
        if code == ERROR:
            # The plugins could not stop their services, perhaps because the disk is full.
            stop_services(directory)
        if code in (SUCCESS, ERROR):
            return self._remove(directory, code)
        return code

    def _remove(self, directory: StackDirectory, code: int) -> int:
        try:
            dest = directory.stack.dest
            with dest_lock.held(dest) if dest.exists() else nullcontext():
                for link in _links(directory.settings):
                    link.unlink()
                dest_directory.remove(directory.settings)
        except StepError as error:
            sys.stderr.write(f"ERROR: {error}\n")
            return int(ERROR)
        except OSError as error:
            sys.stderr.write(f"ERROR: {system_error_message(error, directory)}\n")
            return int(ERROR)
        return code

    @staticmethod
    def _run_options(params: Any) -> list[str]:
        """Return the options of the run that cleans, if they were given."""
        return [
            f"--{option['long']}={params[option['name']]}"
            for option in RUN_OPTIONS
            if params[option["name"]] is not None
        ]


def _links(settings: Settings) -> Iterator[Path]:
    """Yield the links outside of DEST that lead into it, for scripts."""
    yield from etc_links.links(settings)
    yield from devstack_tree.links(settings)
