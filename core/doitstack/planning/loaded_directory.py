"""The current stack directory as doit's tasks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from doit.exceptions import InvalidDodoFile
from doit.task import Task

from doitstack.config.addresses import has_other_hosts
from doitstack.config.masking import Mask
from doitstack.config.passwords import Secrets
from doitstack.errors import DoitstackError
from doitstack.phases import Phase
from doitstack.planning.doit_tasks import BUILT_IN, offered_task, plan_tasks, stack_tasks
from doitstack.planning.plan import Plan
from doitstack.planning.stack_directory import StackDirectory

CLEAN = "_clean"
"""The task of the clean phase; `clean` itself is a command of doit."""

_MAIN = frozenset({"stack", "unstack", "clean", CLEAN, *BUILT_IN})
"""The prefixes of the names of the tasks of the main plan."""

_Answer = TypeVar("_Answer")

_DOCS = {
    Phase.OVERRIDE_DEFAULTS: "let plugins change defaults",
    Phase.SOURCE: "let plugins set their defaults and enable services",
}


class LoadedDirectory:
    """A stack directory and its tasks. The methods raise InvalidDodoFile, which is exit code 3.

    Attributes:
        other_plans: the plans of other hosts, after `check`.
    """

    def __init__(self, top_dir: Path) -> None:
        self.directory = StackDirectory(top_dir)
        self.secrets = Secrets(self.directory.settings)
        self.other_plans: dict[str, Plan] = {}

    def settings_tasks(self, phase: Phase) -> Iterator[Task]:
        """Yield the tasks of `override_defaults` or `source`."""
        plan = _or_mistake(lambda: self.directory.settings_plan)
        tasks = list(plan_tasks(phase.task, Plan(plan.of_phase(phase)), doc=_DOCS[phase]))
        if phase is Phase.SOURCE:
            tasks[0].task_dep.append(Phase.OVERRIDE_DEFAULTS.task)
            # A mistake in any later phase is better reported now.
            _or_mistake(self.check)
        yield from self._without_secrets(tasks)

    def check(self) -> None:
        """Find the mistakes that can be found before anything runs. Raises PlanError."""
        if has_other_hosts(self.directory.settings):
            from doitstack.planning.host_plans import check_with_hosts  # noqa: PLC0415 - see there

            self.other_plans = check_with_hosts(self.directory)
        else:
            self.directory.check()

    def main_tasks(self) -> Iterator[Task]:
        """Yield the tasks of the later phases, by the settings as they are now.

        Before `source` has run, these are those of `doit list`; a run makes them again after it.
        """
        self.directory.forget_plans()
        yield from self.stack_tasks()
        yield from self.unstack_tasks()
        yield from self.clean_tasks()

    def _without_secrets(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """Yield tasks with stars for the secrets in what `doit list` shows of them."""
        mask = self.secrets.mask
        for task in tasks:
            task.doc = mask.text(task.doc or "")
            yield task

    def stack_tasks(self) -> Iterator[Task]:
        """Yield the tasks of `doit stack`."""
        plan = _or_mistake(self.directory.plan)
        yield from self._without_secrets(stack_tasks(plan, doc="start the stack"))

    def unstack_tasks(self) -> Iterator[Task]:
        """Yield the tasks of `doit unstack`."""
        plan = _or_mistake(lambda: self.directory.plan([Phase.UNSTACK]))
        yield from self._without_secrets(plan_tasks("unstack", plan, doc="stop the stack"))

    def clean_tasks(self) -> Iterator[Task]:
        """Yield the tasks of `doit clean`."""
        plan = _or_mistake(lambda: self.directory.plan([Phase.CLEAN]))
        tasks = list(plan_tasks("clean", plan, doc="remove everything that the stack has created"))
        yield Task(CLEAN, None, task_dep=["unstack", "clean"])
        for task in tasks:
            task.task_dep.insert(0, "unstack")
        yield from self._without_secrets(tasks)

    def offered_tasks(self) -> Iterator[Task]:
        """Yield the tasks that plugins offer by name."""
        offers = _or_mistake(self.directory.tasks)
        yield from self._without_secrets(offered_task(plugin, step) for plugin, step in offers)


def is_of_main_plan(task: str) -> bool:
    """Return whether a task belongs to the phases after `source`."""
    return task.partition(":")[0] in _MAIN


@cache
def _load(top_dir: Path) -> LoadedDirectory:
    return LoadedDirectory(top_dir)


def loaded() -> LoadedDirectory:
    """Return the stack directory that is the current directory. Raises InvalidDodoFile."""
    return _or_mistake(lambda: _load(Path.cwd()))


def shown(text: str) -> str:
    """Return a text for the user, with stars for the secrets of the stack directory.

    Before that is loaded, no secrets are known but the passwords of URLs.
    """
    mask = Mask()
    if _load.cache_info().currsize:
        with suppress(OSError, DoitstackError):
            mask = _load(Path.cwd()).secrets.mask
    return mask.text(text)


def _or_mistake(function: Callable[[], _Answer]) -> _Answer:
    """Call `function`; a mistake that is found before anything runs is doit's exit code 3."""
    try:
        return function()
    except DoitstackError as error:
        raise InvalidDodoFile(str(error)) from error
