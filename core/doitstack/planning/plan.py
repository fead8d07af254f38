"""The steps of all plugins, sorted and checked. Runs nothing and does not depend on doit."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from doitstack.errors import PlanError
from doitstack.phases import Phase
from doitstack.planning.action_signatures import action_mistake
from doitstack.planning.plugin import Plugin
from doitstack.steps import EndOnHost, Kind, Step
from doitstack.suggestions import did_you_mean

HOSTS = Plugin("hosts", "HOSTS in local.conf")
"""The origin of the steps that doitstack declares for other hosts."""


class PlannedStep(NamedTuple):
    """A step in a plan.

    Args:
        number: its position.
        plugin: the name of the plugin that declares it.
        task: its name for doit.
        needs: the tasks that must end before it.
        is_awaited: for a future, whether any step of the plan waits for it.
    """

    number: int
    phase: Phase
    plugin: str
    task: str
    step: Step
    needs: tuple[str, ...] = ()
    is_awaited: bool = False

    @property
    def is_future(self) -> bool:
        """Whether it runs in the background."""
        return self.step.kind is Kind.ASYNC_RUN


class Plan(NamedTuple):
    """All steps of some phases, in order, and warnings about them."""

    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...] = ()

    def of_phase(self, phase: Phase) -> tuple[PlannedStep, ...]:
        """Return the steps of one phase."""
        return tuple(planned for planned in self.steps if planned.phase is phase)


def end_elsewhere(planned: PlannedStep, plans: Mapping[str, Plan]) -> tuple[str, str] | None:
    """Return the host and the task of the future that a step stands for, if a plan has it."""
    action = planned.step.action
    if isinstance(action, EndOnHost) and action.host in plans:
        for one in plans[action.host].steps:
            if one.is_future and one.step.name == action.future:
                return action.host, one.task
    return None


class Declared(NamedTuple):
    """The steps that one plugin declares for one phase."""

    phase: Phase
    plugin: Plugin
    steps: Sequence[Step]


class FutureNames(NamedTuple):
    """Names of futures that are written out, and patterns of those that are computed."""

    exact: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()

    def may_be_computed(self, name: str) -> bool:
        """Return whether `name` matches a computed name."""
        return any(re.fullmatch(pattern, name) for pattern in self.computed)

    def __or__(self, other: "FutureNames") -> "FutureNames":
        return FutureNames(self.exact | other.exact, self.computed | other.computed)


def make_plan(
    declared: Iterable[Declared], others: Callable[[], FutureNames] = FutureNames
) -> Plan:
    """Return the plan of the declared steps, in the given order.

    `others` returns the futures that may be started although the plan does not; it is called only
    if a step waits for one that the plan does not start. Raises PlanError with all mistakes: an
    action that cannot be called, two futures of one name, a wait for none, a cycle of waits.
    """
    placed = list(_placed(_with_ends_elsewhere(list(declared))))
    mistakes = [*_unusable_actions(placed), *_taken_names(placed)]
    futures = {planned.step.name: planned.task for planned in placed if planned.is_future}
    steps = tuple(_connected(placed, futures))
    waits = _unknown_waits(placed, futures, others)
    mistakes += [wait.message for wait in waits if not wait.may_be_computed]
    mistakes += _cycles(steps)
    if mistakes:
        raise PlanError("\n".join(mistakes))
    warnings = [wait.message for wait in waits]
    return Plan(steps, (*_never_waited_for(steps), *warnings))


def _with_ends_elsewhere(declared: list[Declared]) -> list[Declared]:
    """Add, at the front, a future for each NAME@HOST that a step waits for."""
    own = {step.name for part in declared for step in part.steps if step.kind is Kind.ASYNC_RUN}
    awaited = (name for part in declared for step in part.steps for name in step.waits)
    others = [name for name in dict.fromkeys(awaited) if "@" in name and name not in own]
    if not others:
        return declared
    ends = [_end_elsewhere(name) for name in others]
    return [Declared(declared[0].phase, HOSTS, ends), *declared]


def _end_elsewhere(name: str) -> Step:
    future, _, host = name.partition("@")
    return Step(Kind.ASYNC_RUN, name, EndOnHost(future, host), timeout=0)


def place_before(step: Step) -> str:
    """Return the place of a step, for the beginning of a message about it."""
    return f"{step.place}: " if step.place else ""


def _placed(declared: Iterable[Declared]) -> Iterator[PlannedStep]:
    used: dict[str, int] = {}
    number = 0
    for part in declared:
        for step in part.steps:
            task = f"{part.phase.task}:{part.plugin.name}:{step.name}".replace("=", "-")
            used[task] = used.get(task, 0) + 1
            unique = task if used[task] == 1 else f"{task}-{used[task]}"
            yield PlannedStep(number, part.phase, part.plugin.name, unique, step)
            number += 1


def _unusable_actions(placed: list[PlannedStep]) -> Iterator[str]:
    found = ((planned.plugin, action_mistake(planned.step)) for planned in placed)
    return (f"plugin {plugin}: {mistake}" for plugin, mistake in dict.fromkeys(found) if mistake)


def _taken_names(placed: list[PlannedStep]) -> Iterator[str]:
    """Find futures whose name another future still has, since no step has collected it."""
    open_futures: dict[str, PlannedStep] = {}
    for planned in placed:
        if planned.step.kind is Kind.ASYNC_WAIT:
            for name in planned.step.waits:
                open_futures.pop(name, None)
        elif planned.is_future:
            other = open_futures.setdefault(planned.step.name, planned)
            if other is not planned:
                yield (
                    f"two futures of one name: {planned.step.name}, "
                    f"of plugin {other.plugin} in {other.phase.value} and "
                    f"of plugin {planned.plugin} in {planned.phase.value}; rename one"
                )


def _connected(placed: list[PlannedStep], futures: dict[str, str]) -> Iterator[PlannedStep]:
    """Set the needs of each step: the main-line step before it, and the futures it waits for.

    Checks do not depend on one another; the next step depends on all of them. The last step of the
    main line is the first of the needs.
    """
    awaited = {name for planned in placed for name in planned.step.waits}
    before: tuple[str, ...] = ()
    looks: tuple[str, ...] = ()
    started: dict[str, str] = {}
    for planned in placed:
        # A name may be used again after it was collected; the wait is for the last start.
        known = {**futures, **started}
        waits = tuple(known[name] for name in planned.step.waits if name in known)
        yield PlannedStep(
            planned.number,
            planned.phase,
            planned.plugin,
            planned.task,
            planned.step,
            needs=(*(before if planned.step.only_looks else looks or before), *waits),
            is_awaited=planned.is_future and planned.step.name in awaited,
        )
        if planned.is_future:
            started[planned.step.name] = planned.task
        elif planned.step.only_looks:
            looks = (planned.task, *looks)
        else:
            before, looks = (planned.task,), ()


def _cycles(steps: tuple[PlannedStep, ...]) -> list[str]:
    places = {planned.task: planned.number for planned in steps}
    if all(places[need] < planned.number for planned in steps for need in planned.needs):
        return []
    from graphlib import CycleError, TopologicalSorter  # noqa: PLC0415 - for few plans

    try:
        TopologicalSorter({planned.task: planned.needs for planned in steps}).prepare()
    except CycleError as error:
        return [f"a cycle of waits: {' -> '.join(reversed(error.args[1]))}; drop one of the waits"]
    return []


def _never_waited_for(steps: tuple[PlannedStep, ...]) -> Iterator[str]:
    for planned in steps:
        if planned.is_future and not planned.is_awaited:
            yield f"future {planned.step.name} of plugin {planned.plugin} is never waited for"


class _UnknownWait(NamedTuple):
    message: str
    may_be_computed: bool


def _unknown_waits(
    placed: list[PlannedStep], futures: Mapping[str, str], others: Callable[[], FutureNames]
) -> list[_UnknownWait]:
    """Find the waits for futures that nothing starts."""
    waits = [
        (f"{place_before(planned.step)}plugin {planned.plugin}", name)
        for planned in placed
        for name in planned.step.waits
        if name not in futures
    ]
    names = others() if waits else FutureNames()
    return [
        _UnknownWait(
            f"{who} waits for {name}, which no plugin starts"
            f"{did_you_mean(name, {*futures, *names.exact})}",
            names.may_be_computed(name),
        )
        for who, name in dict.fromkeys(waits)
        if name not in names.exact
    ]
