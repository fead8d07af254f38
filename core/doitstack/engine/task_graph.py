"""The tasks of doit and their needs, which may grow during the run. Runs nothing."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from doit.control import TaskControl
from doit.exceptions import InvalidCommand, InvalidDodoFile, InvalidTask
from doit.loader import generate_tasks
from doit.task import DelayedLoaded, DelayedLoader, Task

from doitstack.planning.doit_tasks import empty_phase


class TaskGraph:
    """The tasks of a run by name.

    Some needs are added during the run: setup tasks once it is certain that their task runs, needs
    that a `calc_dep` task returns, and needs of tasks that are created after another task.
    """

    def __init__(self, control: TaskControl) -> None:
        self.tasks: dict[str, Task] = control.tasks
        self._targets: dict[str, str] = control.targets
        self._with_setup: set[str] = set()

    def needs(self, task: Task) -> list[str]:
        """Return the names of the tasks that must end before `task` runs."""
        setup = task.setup_tasks if task.name in self._with_setup else []
        return [*task.task_dep, *task.calc_dep, *setup]

    def wanted(self, names: Iterable[str]) -> list[Task]:
        """Return the named tasks and all their needs, each task after its needs.

        Raises InvalidDodoFile for a cycle, InvalidTask for a need that does not exist.
        """
        found: dict[str, Task] = {}
        path: dict[str, Iterator[str]] = {}
        for name in names:
            path[name] = self._needs_of(name)
            while path:
                current = next(reversed(path))
                need = next(path[current], None)
                if need is None:
                    found.setdefault(current, self.tasks[current])
                    del path[current]
                elif need in path:
                    raise InvalidDodoFile(_cycle([*path], need))
                elif need not in found:
                    path[need] = self._needs_of(need)
        return list(found.values())

    def _needs_of(self, name: str) -> Iterator[str]:
        if name not in self.tasks:
            raise InvalidTask(f"Task dependency '{name}' does not exist.")
        return iter(self.needs(self.tasks[name]))

    # -- changes ---------------------------------------------------------------------------------

    def replace(self, is_old: Callable[[str], bool], new: Iterable[Task]) -> None:
        """Replace the tasks whose name `is_old` by `new` ones."""
        for target in [target for target, name in self._targets.items() if is_old(name)]:
            del self._targets[target]
        for name in list(filter(is_old, self.tasks)):
            del self.tasks[name]
        self._add(list(new))
        for task in self.tasks.values():
            TaskControl.add_implicit_task_dep(self._targets, task, task.file_dep)

    def check(self, names: Iterable[str]) -> None:
        """Raise InvalidCommand for a name without a task. A phase without steps gets a task."""
        for name in names:
            if name not in self.tasks:
                group = empty_phase(name)
                if not group:
                    raise InvalidCommand(not_found=name)
                self.tasks[name] = group

    def _add(self, new: list[Task]) -> None:
        TaskControl.set_implicit_deps(self._targets, new)
        self.tasks.update({task.name: task for task in new})

    def isolate(self, names: Iterable[str]) -> None:
        """Remove all needs of these tasks and their subtasks, except for those among them."""
        kept = set(names)
        for name in list(kept):
            if self.tasks[name].has_subtask:
                kept.update(self.tasks[name].task_dep)
        for name in kept:
            task = self.tasks[name]
            task.task_dep = [need for need in task.task_dep if need in kept]

    def is_late(self, task: Task) -> bool:
        """Return whether `task` is a placeholder for a task that is created during the run."""
        return isinstance(task.loader, DelayedLoader)

    def create(self, placeholder: Task) -> Task:
        """Create the tasks that replace a placeholder; return the one with its name.

        Raises InvalidCommand if no task has its name.
        """
        name = placeholder.loader.basename or placeholder.name
        loader: Any = self.tasks[name].loader
        if loader and not loader.created:
            loader.created = True
            made = loader.creator(**(loader.kwargs or {}))
            new = generate_tasks(name, made, loader.creator.__doc__)
            for task in new:
                task.loader = task.loader or DelayedLoaded
            self._add(new)
        task = self.tasks[placeholder.name]
        if task is placeholder:
            raise InvalidCommand(not_found=placeholder.name)
        return task

    def learn_calculated(self, task: Task) -> bool:
        """Add the needs that the `calc_dep` tasks have returned; return whether `task` has any."""
        calculated = [self.tasks[name] for name in task.calc_dep]
        task.calc_dep.clear()
        for other in calculated:
            task.update_deps(other.values)
            TaskControl.add_implicit_task_dep(self._targets, task, other.values.get("file_dep", []))
        return bool(calculated)

    def learn_setup(self, task: Task) -> bool:
        """Add the setup tasks to the needs of `task`; return whether it has any."""
        self._with_setup.add(task.name)
        return bool(task.setup_tasks)


def _cycle(path: list[str], need: str) -> str:
    names = [*path[path.index(need) :], need]
    return f"Cyclic/recursive dependencies for task {need}: [{' -> '.join(names)}]"
