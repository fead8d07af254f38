"""The plans of all hosts, checked as one graph before anything runs. Connects to no host."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

from doitstack.config.host_settings import COPIED, local_conf_of, services_of_hosts
from doitstack.config.hosts import CONTROLLER, Host, host_names, other_hosts
from doitstack.errors import DoitstackError, PlanError
from doitstack.planning.plan import FutureNames, Plan, PlannedStep, place_before
from doitstack.planning.stack_directory import StackDirectory
from doitstack.private_files import temporary_directory
from doitstack.processes.children import computed
from doitstack.steps import DoitOnHost, EndOnHost
from doitstack.suggestions import did_you_mean


class _Wait(NamedTuple):
    """A wait for a future of another host; `where` is the beginning of a message about it."""

    where: str
    name: str


class _HostPlan(NamedTuple):
    """The plan of a host.

    Args:
        plan: the plan; its steps have no actions.
        others: the futures that scripts and actions may start.
        waits: the waits for futures of other hosts.
        mistakes: what is wrong with it; then there is no plan.
    """

    plan: Plan = Plan(())
    others: FutureNames = FutureNames()
    waits: tuple[_Wait, ...] = ()
    mistakes: tuple[str, ...] = ()


def check_with_hosts(directory: StackDirectory) -> dict[str, Plan]:
    """Check a stack directory, and the plans of its other hosts with it; return those.

    Raises PlanError.
    """
    directory.check()
    hosts = other_hosts(directory.settings)
    if not hosts or directory.is_passing_over:
        return {}
    theirs = _plans_of(hosts, directory)
    plans = {CONTROLLER: _of_directory(directory), **theirs}
    found = [f"{host}: {text}" for host, plan in plans.items() for text in plan.mistakes]
    found = found or [*_unknown_names(plans), *_cycles(plans)]
    if found:
        raise PlanError("\n".join(dict.fromkeys(found)))
    return {host: plan.plan for host, plan in theirs.items()}


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
        self.values["ENABLED_SERVICES"] = services_of_hosts(settings)
        self.values["ALL_HOSTS"] = " ".join(host_names(settings))

    def __call__(self, host: str) -> _HostPlan:
        place = self.top / host
        place.mkdir()
        try:
            return _of_directory(StackDirectory(self._made(place, host), _environ()), f"{place}/")
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


def _environ() -> dict[str, str]:
    """Return the environment without settings, which no other host gets."""
    return {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}


def _of_directory(directory: StackDirectory, top: str = "") -> _HostPlan:
    """Return the plan of a stack directory, whose path `top` no message has. Raises PlanError."""
    directory.check()
    plan = directory.plan()
    waits = [
        _Wait(f"{place_before(planned.step)}plugin {planned.plugin}", name)
        for planned in plan.steps
        for name in planned.step.waits
        if "@" in name
    ]
    waits += [_Wait(f"{place}: it", name) for place, name in directory.waits_for_other_hosts()]
    own = {planned.step.name for planned in plan.steps if isinstance(_action(planned), DoitOnHost)}
    elsewhere = [
        wait._replace(where=wait.where.replace(top, "")) for wait in waits if wait.name not in own
    ]
    steps = tuple(map(_without_action, plan.steps))
    return _HostPlan(
        Plan(steps, plan.warnings), directory.futures_beside_the_plan(), tuple(elsewhere)
    )


def _action(planned: PlannedStep) -> object:
    return planned.step.action


def _without_action(planned: PlannedStep) -> PlannedStep:
    """Return a step as another process can have it."""
    if isinstance(planned.step.action, (DoitOnHost, EndOnHost)):
        return planned
    return planned._replace(step=replace(planned.step, action=None, args=(), doit={}))


def _unknown_names(plans: Mapping[str, _HostPlan]) -> Iterator[str]:
    """Find the waits for futures of hosts that do not exist, or that nothing there starts."""
    for plan in plans.values():
        for where, name in plan.waits:
            future, _, other = name.partition("@")
            if other not in plans:
                near = did_you_mean(other, plans) or f"; there are {', '.join(plans)}"
                yield f"{where} waits for {name}: there is no host {other}{near}"
                continue
            theirs = plans[other]
            known = set(_futures(theirs)) | theirs.others.exact
            if future not in known and not theirs.others.may_be_computed(future):
                near = did_you_mean(future, known)
                yield f"{where} waits for {name}, which nothing starts on {other}{near}"


def _futures(plan: _HostPlan) -> dict[str, PlannedStep]:
    """Return the futures of a host's own by their names."""
    return {
        one.step.name: one for one in plan.plan.steps if one.is_future and not one.step.is_elsewhere
    }


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
        (name, host): (host, planned.task)
        for host, plan in plans.items()
        for name, planned in _futures(plan).items()
    }
    for host, plan in plans.items():
        for planned in plan.plan.steps:
            needs = [(host, need) for need in planned.needs]
            match planned.step.action:
                case EndOnHost(future=future, host=other) if (future, other) in futures:
                    needs.append(futures[future, other])
                case DoitOnHost(host=other):
                    needs += [(other, one.task) for one in plans[other].plan.steps]
            yield (host, planned.task), needs
