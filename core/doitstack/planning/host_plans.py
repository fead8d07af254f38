"""The plans of all hosts, checked as one graph before anything runs. Connects to no host."""

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from doitstack.config.host_settings import COPIED, local_conf_of
from doitstack.config.hosts import CONTROLLER, Host, host_names, other_hosts
from doitstack.errors import DoitstackError, PlanError
from doitstack.planning.plan import FutureNames, PlannedStep
from doitstack.planning.stack_directory import StackDirectory
from doitstack.private_files import temporary_directory
from doitstack.processes.children import computed
from doitstack.steps import DoitOnHost, EndOnHost
from doitstack.suggestions import did_you_mean


class _Task(NamedTuple):
    """A step of a host's plan.

    Args:
        future: the future that it starts, or "".
        end_of: NAME@HOST, if it stands for a future of another host.
        runs_on: the host whose whole plan it runs, or "".
    """

    name: str
    needs: tuple[str, ...]
    future: str = ""
    end_of: str = ""
    runs_on: str = ""


class _HostPlan(NamedTuple):
    """The plan of a host, the futures that scripts and actions may start, and its mistakes."""

    tasks: tuple[_Task, ...] = ()
    others: FutureNames = FutureNames()
    mistakes: tuple[str, ...] = ()


def check_with_hosts(directory: StackDirectory) -> None:
    """Check a stack directory, and the plans of its other hosts with it. Raises PlanError."""
    directory.check()
    hosts = other_hosts(directory.settings)
    if not hosts or directory.is_passing_over:
        return
    plans = {CONTROLLER: _of_directory(directory), **_plans_of(hosts, directory)}
    found = [f"{host}: {text}" for host, plan in plans.items() for text in plan.mistakes]
    found = found or [*_unknown_names(plans), *_cycles(plans)]
    if found:
        raise PlanError("\n".join(dict.fromkeys(found)))


def _plans_of(hosts: Iterable[Host], directory: StackDirectory) -> dict[str, _HostPlan]:
    """Return the plans of other hosts, made by processes of their own: plugins are modules."""
    with temporary_directory("plans") as top:
        return computed(_PlanMaker(directory, top), [host.name for host in hosts])


class _PlanMaker:
    """Makes the plan of a host, in a temporary stack directory below `top`."""

    def __init__(self, directory: StackDirectory, top: Path) -> None:
        self.top = top
        settings = directory.settings
        self.top_dir = directory.stack.top_dir
        self.sections = settings.local.sections
        self.repositories = {
            name: place
            for name, _, _ in settings.local.plugins
            if (place := directory.stack.dest / name).exists()
        }
        self.values = {name: settings[name] for name in ("SERVICE_HOST", "HOST_IP")}
        self.values["ALL_HOSTS"] = " ".join(host_names(settings))

    def __call__(self, host: str) -> _HostPlan:
        place = self.top / host
        place.mkdir()
        try:
            return _of_directory(StackDirectory(self._made(place, host)))
        except DoitstackError as error:
            return _HostPlan(mistakes=tuple(str(error).replace(f"{place}/", "").splitlines()))

    def _made(self, place: Path, host: str) -> Path:
        values = {**self.values, "THIS_HOST": host, "DEST": str(place / ".stack")}
        conf = local_conf_of(host, self.sections, values)
        (place / "local.conf").write_text(conf, encoding="utf-8")
        for name in COPIED:
            if (self.top_dir / name).exists():
                (place / name).symlink_to(self.top_dir / name)
        (place / ".stack").mkdir()
        for name, repository in self.repositories.items():
            (place / ".stack" / name).symlink_to(repository)
        return place


def _of_directory(directory: StackDirectory) -> _HostPlan:
    """Return the plan of a stack directory. Raises PlanError."""
    directory.check()
    tasks = tuple(map(_task, directory.plan().steps))
    return _HostPlan(tasks, directory.possible_futures())


def _task(planned: PlannedStep) -> _Task:
    name = planned.step.name
    match planned.step.action:
        case EndOnHost():
            return _Task(planned.task, planned.needs, end_of=name)
        case DoitOnHost(host=host):
            return _Task(planned.task, planned.needs, runs_on=host)
    return _Task(planned.task, planned.needs, future=name if planned.is_future else "")


def _unknown_names(plans: Mapping[str, _HostPlan]) -> Iterator[str]:
    """Find the waits for futures of hosts that do not exist, or that nothing there starts."""
    for host, plan in plans.items():
        for name in (task.end_of for task in plan.tasks if task.end_of):
            future, _, other = name.partition("@")
            if other not in plans:
                near = did_you_mean(other, plans) or f"; there are {', '.join(plans)}"
                yield f"{host} waits for {name}: there is no host {other}{near}"
                continue
            theirs = plans[other]
            known = {task.future for task in theirs.tasks} | theirs.others.exact
            if future not in known and not theirs.others.may_be_computed(future):
                near = did_you_mean(future, known)
                yield f"{host} waits for {name}, which no plugin starts on {other}{near}"


def _cycles(plans: Mapping[str, _HostPlan]) -> Iterator[str]:
    try:
        TopologicalSorter(dict(_graph(plans))).prepare()
    except CycleError as error:
        path = " -> ".join(f"{task} on {host}" for host, task in reversed(error.args[1]))
        yield f"a cycle of waits: {path}; drop one of the waits"


def _graph(
    plans: Mapping[str, _HostPlan],
) -> Iterator[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Yield each task of each host with what must end before it, there and elsewhere."""
    futures = {
        f"{task.future}@{host}": (host, task.name)
        for host, plan in plans.items()
        for task in plan.tasks
        if task.future
    }
    for host, plan in plans.items():
        for task in plan.tasks:
            needs = [(host, need) for need in task.needs]
            if task.end_of in futures:
                needs.append(futures[task.end_of])
            if task.runs_on:
                needs += [(task.runs_on, other.name) for other in plans[task.runs_on].tasks]
            yield (host, task.name), needs
