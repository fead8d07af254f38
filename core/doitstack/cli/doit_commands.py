"""doit's commands, with the help and the messages of all commands of a stack directory."""

import io
import json
import shutil
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from doit.cmd_completion import TabCompletion as DoitTabCompletion
from doit.cmd_forget import Forget as DoitForget
from doit.cmd_ignore import Ignore as DoitIgnore
from doit.cmd_info import Info as DoitInfo
from doit.cmd_list import List as DoitList
from doit.cmd_resetdep import ResetDep as DoitResetDep
from doit.cmd_strace import Strace as DoitStrace
from doit.exceptions import InvalidCommand, InvalidDodoFile

from doitstack.cli.base import JSON, InterruptibleCommand, ShowCommand, standard_output, width
from doitstack.cli.task_names import refuse_unknown_tasks
from doitstack.errors import DoitstackError, SettingsError
from doitstack.planning.call_action import uptodate_error
from doitstack.planning.doit_tasks import BUILT_IN, planned_step
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.stack_directory import StackDirectory
from doitstack.private_files import read_regular
from doitstack.reports.columns import continued, definitions
from doitstack.reports.formatting import counted

INTERNAL = (*BUILT_IN, "offered")
"""Tasks that users do not run: the closing tasks, and doit's group of all offered tasks."""


class _TasksCommand(InterruptibleCommand):
    """A command of doit that reads the tasks."""

    outstream: TextIO

    def execute(self, params: Any, args: list[str]) -> int:
        """Run the command. The exit code is 3 if it names a task that does not exist."""
        with standard_output(self.get_name()):
            # What cannot be written is no error of a task.
            shown, self.outstream = self.outstream, io.StringIO()
            try:
                code: int | None = super().execute(params, args)
            except (InvalidCommand, InvalidDodoFile):
                raise
            except Exception as error:
                raise InvalidCommand(uptodate_error(error)) from error
            finally:
                shown.write(self.outstream.getvalue())
        return code or 0


class List(_TasksCommand, DoitList):  # type: ignore[misc]
    """`doit list`."""

    doc_purpose = "list the phases as tasks; with --all, their steps too"
    doc_usage = "[TASK...] [OPTION...]"
    doc_examples = ("doit list", "doit list --all", "doit list --all stack:install")
    cmd_options = (
        *(
            {**option, "default": "definition"} if option["name"] == "sort" else option
            for option in DoitList.cmd_options
        ),
        JSON,
    )

    def _list_all(self, include_subtasks: bool) -> list[Any]:  # noqa: FBT001 - doit's signature
        """Return the tasks, without the internal ones unless all are listed."""
        return [
            task
            for task in self.task_list
            if include_subtasks or (not planned_below(task) and task.name not in INTERNAL)
        ]

    def _execute(  # noqa: PLR0913, PLR0917 - doit maps its options to these names
        self,
        subtasks: bool = False,  # noqa: FBT001, FBT002
        quiet: bool = True,  # noqa: FBT001, FBT002
        status: bool = False,  # noqa: FBT001, FBT002
        private: bool = False,  # noqa: FBT001, FBT002
        list_deps: bool = False,  # noqa: FBT001, FBT002
        template: str | None = None,
        sort: str = "name",
        pos_args: Any = None,
        json: bool = False,  # noqa: FBT001, FBT002
    ) -> int:
        refuse_unknown_tasks(self, pos_args)
        if not json and (quiet or list_deps or template):
            code: int = super()._execute(
                subtasks, quiet, status, private, list_deps, template, sort, pos_args
            )
            return code
        tasks = {task.name: task for task in self.task_list}
        shown = (
            self._list_filtered(tasks, pos_args, subtasks) if pos_args else self._list_all(subtasks)
        )
        shown = [task for task in shown if private or not task.name.startswith("_")]
        if sort == "name":
            shown = sorted(shown)
        if json:
            from doitstack.reports.json_lists import tasks_json  # noqa: PLC0415 - for this option

            self.outstream.write(tasks_json((task.name, _doc(task)) for task in shown))
            return 0
        states = [f"{self._state(task, tasks)} " if status else "" for task in shown]
        rows = [(state + task.name, _doc(task)) for state, task in zip(states, shown, strict=True)]
        self.outstream.write(definitions(rows, width()))
        return 0

    def _state(self, task: Any, tasks: dict[str, Any]) -> str:
        """Return the letter of doit for the status of a task."""
        if self.dep_manager.status_is_ignore(task):
            return str(self.STATUS_MAP["ignore"])
        return str(self.STATUS_MAP[self.dep_manager.get_status(task, tasks).status])


def _doc(task: Any) -> str:
    """Return the description of a task; that of a phase has the number of its steps."""
    return task.doc or (counted(len(task.task_dep), "step") if task.has_subtask else "")


def planned_below(task: Any) -> bool:
    """Return whether a task is a step of a phase, which has a row of its own with `--all` only."""
    return task.subtask_of is not None and (planned_step(task) is not None or not task.has_subtask)


class Info(_TasksCommand, DoitInfo):  # type: ignore[misc]
    """`doit info`."""

    doc_purpose = "show what a task needs, and whether and why it would run"
    doc_usage = "TASK [OPTION...]"
    doc_examples = ("doit info stack:install",)

    def _execute(self, pos_args: Any, hide_status: bool = False) -> int:  # noqa: FBT001, FBT002
        refuse_unknown_tasks(self, pos_args)
        for task in self.task_list:
            if step := planned_step(task):
                # doit would print the objects of the step.
                task.meta = {"plugin": step.plugin, "phase": step.phase.value}
        shown = self.outstream
        self.outstream = text = io.StringIO()
        try:
            code: int = super()._execute(pos_args, hide_status)
        finally:
            self.outstream = shown
        shown.write(continued(text.getvalue(), width()))
        return code


class _StateCommand(_TasksCommand):
    """A command that changes what doit has saved about tasks."""

    sel_tasks: Any

    def execute(self, params: Any, args: list[str]) -> int:
        """Run the command. Raises InvalidDodoFile while a run uses the stack directory."""
        from doitstack.config import dest_directory, dest_lock  # noqa: PLC0415 - not for `list`

        self.loader.setup(params)
        directory = loaded().directory
        try:
            dest_directory.claim(directory.settings)
            with dest_lock.held(directory.stack.dest):
                code: int = super().execute(params, args)
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        return code

    def with_steps(self, names: Iterable[str]) -> list[str]:
        """Return the names, with the steps of those that are phases. Raises InvalidCommand."""
        refuse_unknown_tasks(self, names)
        tasks = {task.name: task for task in self.task_list}
        found: dict[str, None] = {}
        for name in names:
            # doit includes only the subtasks of the first group.
            steps = (step for step in tasks[name].task_dep if step.startswith(f"{name}:"))
            found |= dict.fromkeys([name, *(steps if tasks[name].subtask_of else ())])
        return list(found)


class Forget(_StateCommand, DoitForget):  # type: ignore[misc]
    """`doit forget`."""

    doc_purpose = "run these steps again next time, even if they are ignored"
    doc_usage = "[TASK...] [OPTION...]"
    doc_examples = ("doit forget stack:install", "doit forget --all")

    def _execute(self, forget_sub: bool, forget_disable_default: bool, forget_all: bool) -> None:  # noqa: FBT001
        if not forget_all:
            self.sel_tasks = self.with_steps(self.sel_tasks)
        super()._execute(forget_sub, forget_disable_default, forget_all)


class Ignore(_StateCommand, DoitIgnore):  # type: ignore[misc]
    """`doit ignore`."""

    doc_purpose = "leave these steps out of all runs, until `doit forget`"
    doc_usage = "TASK... [OPTION...]"
    doc_examples = ("doit ignore stack:test-config:tempest:configure_tempest",)

    def _execute(self, pos_args: Any) -> None:
        if not pos_args:
            raise InvalidCommand("ignore: which TASK? `doit list --all` lists them")
        super()._execute(self.with_steps(pos_args))


class ResetDep(_StateCommand, DoitResetDep):  # type: ignore[misc]
    """`doit reset-dep`."""

    doc_purpose = "treat the files that steps depend on as unchanged, without running the steps"
    doc_usage = "[TASK...] [OPTION...]"
    doc_examples = ("doit reset-dep", "doit reset-dep stack:install")

    def _execute(self, pos_args: Any = None) -> None:
        super()._execute(self.with_steps(pos_args or ()))


class DumpDB(ShowCommand):
    """`doit dumpdb`."""

    name = "dumpdb"
    doc_purpose = "print what doit has saved about tasks, as JSON"

    def show(self, directory: StackDirectory, _params: Any) -> str:
        """Return the saved state; an empty object before the first run."""
        state = directory.stack.dest / ".doit.db"
        try:
            saved = json.loads(read_regular(state)) if state.exists() else {}
        except ValueError as error:
            raise SettingsError(f"{state}: {error}") from error
        return json.dumps(saved, indent=2) + "\n"


class Strace(InterruptibleCommand, DoitStrace):  # type: ignore[misc]
    """`doit strace`."""

    doc_purpose = "list the files that a task of a dodo.py of your own reads and writes"
    doc_usage = "TASK [OPTION...]"
    doc_description = "Works with tasks whose actions are commands, and needs strace."
    doc_examples = ("doit strace mytask",)

    def execute(self, params: Any, args: list[str]) -> int:
        """Trace the task."""
        if not shutil.which("strace"):
            raise InvalidCommand("strace: the program strace is not installed")
        code: int | None = super().execute(params, args)
        return code or 0

    def _execute(self, show_all: bool) -> Any:  # noqa: FBT001
        refuse_unknown_tasks(self, self.sel_tasks)
        tasks = {task.name: task for task in self.task_list}
        if any(_has_no_command(tasks[name]) for name in self.sel_tasks):
            raise InvalidCommand(f"strace: {self.sel_tasks[0]} has no command to trace")
        return super()._execute(show_all)


def _has_no_command(task: Any) -> bool:
    return bool(planned_step(task) or task.has_subtask or task.loader)


class TabCompletion(InterruptibleCommand, DoitTabCompletion):  # type: ignore[misc]
    """`doit tabcompletion`."""

    doc_purpose = "print doit's completion script; ours is `python -m doitstack completion bash`"
    doc_examples = ("doit tabcompletion --shell zsh",)

    def execute(self, opt_values: Any, pos_args: list[str]) -> int:
        """Print the script."""
        with standard_output(self.get_name()):
            super().execute(opt_values, pos_args)
            sys.stdout.flush()
        return 0
