"""Random plans, and a witness of what the scheduler does with one in virtual time.

The witness keeps its own state: it uses only the answers of the scheduler. Seeds are used instead
of hypothesis, whose examples take ten times as long.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from doitstack.scheduling.priorities import remaining_paths
from doitstack.scheduling.scheduler import BAD, GOOD, Scheduler, Task, TaskKind, TaskState
from doitstack.scheduling.simulation import CountedSlots, Simulation

NEVER = float("inf")
ENDED = GOOD | BAD


@dataclass(frozen=True)
class Plan:
    """Tasks, what each starts, how long each takes (s), how each ends, and how it is run."""

    tasks: tuple[Task, ...]
    starts: dict[str, tuple[Task, ...]]
    seconds: dict[str, float]
    ends: dict[str, TaskState]
    jobs: int
    serial: bool = False
    keep_going: bool = False
    interrupt_at: float = NEVER
    late_needs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def every_task(self) -> list[Task]:
        return [*self.tasks, *(task for tasks in self.starts.values() for task in tasks)]


@dataclass
class _Maker:
    """Makes tasks like those of a plan: a main line with checks and waits, and futures.

    A step comes after the step or wait before it, or after the checks since then.
    """

    rng: random.Random
    locks: list[str]
    elsewhere: float
    tasks: list[Task] = field(default_factory=list)
    futures: list[str] = field(default_factory=list)
    before: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()

    def step(self, name: str) -> None:
        self._main_line(Task(name, needs=self.checks or self.before))

    def wait(self, name: str) -> None:
        needs = (*(self.checks or self.before), *self._some_futures(3))
        self._main_line(Task(name, TaskKind.WAIT, needs))

    def check(self, name: str) -> None:
        self.tasks.append(Task(name, needs=self.before, is_check=True))
        self.checks += (name,)

    def future(self, name: str) -> None:
        needs = (*(self.checks or self.before), *self._some_futures(self.rng.choice([0, 0, 1, 2])))
        lock, takes_slot = self.rng.choice(self.locks), self.rng.random() > self.elsewhere
        future = Task(name, TaskKind.FUTURE, needs, lock if takes_slot else "")
        self.tasks.append(replace(future, takes_slot=takes_slot))
        self.futures.append(name)

    def _main_line(self, task: Task) -> None:
        self.tasks.append(task)
        self.before, self.checks = (task.name,), ()

    def _some_futures(self, most: int) -> list[str]:
        return self.rng.sample(self.futures, min(len(self.futures), self.rng.randint(0, most)))


def plain_plan(seed: int) -> Plan:
    """Return a plan in which all goes well, without locks, checks and futures started late."""
    rng = random.Random(seed)
    tasks = _make(rng, checks=0, locks=[""])
    seconds = _seconds(rng, tasks)
    return Plan(_ranked(rng, tasks, seconds), {}, seconds, {}, rng.choice([1, 1, 2, 3, 8]))


def random_plan(seed: int) -> Plan:
    """Return a plan with all that can happen to one."""
    rng = random.Random(seed)
    made = _make(rng, checks=1, locks=["", "", "apt", "git"], elsewhere=0.15)
    tasks = _waiting_for_later_ones(rng, made)
    futures = [task.name for task in tasks if _is_future(task)]
    starts = {task.name: _started_by(rng, task, futures) for task in tasks if rng.random() < 0.1}
    every = [*tasks, *(task for some in starts.values() for task in some)]
    seconds = _seconds(rng, every)
    return Plan(
        tasks=_ranked(rng, tasks, seconds),
        starts=starts,
        seconds=seconds,
        ends=_ends(rng, every),
        jobs=rng.choice([0, 1, 1, 2, 3, 8]),
        serial=rng.random() < 0.2,
        keep_going=rng.random() < 0.2,
        interrupt_at=rng.choice([NEVER, NEVER, NEVER, rng.random() * 20, rng.randint(0, 20)]),
        late_needs=_late_needs(rng, tasks),
    )


def _slots(tasks: Iterable[Task]) -> int:
    """Return how many slots these tasks hold."""
    return sum(task.takes_slot for task in tasks)


def _urgency(task: Task) -> float:
    return task.rank if task.takes_slot else NEVER


def _is_future(task: Task) -> bool:
    return task.kind is TaskKind.FUTURE


def _make(rng: random.Random, *, checks: int, locks: list[str], elsewhere: float = 0) -> list[Task]:
    """Return tasks; `elsewhere` is the part of the futures that need no slot."""
    maker = _Maker(rng, locks, elsewhere)
    kinds = [maker.step, maker.future, maker.wait, maker.check]
    for number in range(rng.randint(0, 25)):
        make = rng.choices(kinds, [3, 5, 2, checks])[0]
        make(f"{make.__name__}{number}")
    return maker.tasks


def _waiting_for_later_ones(rng: random.Random, tasks: list[Task]) -> list[Task]:
    """Let some futures wait for a later one, which itself waits for no future."""
    later: dict[tuple[str, ...], str] = {}
    changed = []
    for task in reversed(tasks):
        more = later.get(task.needs)
        if not _is_future(task):
            changed.append(task)
        elif more and rng.random() < 0.3:
            changed.append(replace(task, needs=(*task.needs, more)))
        else:
            changed.append(task)
            if not any(need.startswith("future") for need in task.needs):
                later[task.needs] = task.name
    return changed[::-1]


def _started_by(rng: random.Random, task: Task, planned: list[str]) -> tuple[Task, ...]:
    """Return futures that a task starts: some wait for one before them, or for one of the plan."""
    names = [f"{task.name}-{number}" for number in range(rng.randint(1, 3))]
    started = []
    for number, name in enumerate(names):
        others = planned + names[:number]
        started.append(
            Task(
                name,
                TaskKind.FUTURE,
                tuple(rng.sample(others, rng.randint(0, 1) if others else 0)),
                rng.choice(["", "apt"]),
                rank=rng.choice([0.0, 5.0]),
                counts=False,
                is_nested=True,
            )
        )
    return tuple(started)


def _late_needs(rng: random.Random, tasks: list[Task]) -> dict[str, tuple[str, ...]]:
    """Let some tasks find out, once they are due, that they need one of the main line before."""
    found: dict[str, tuple[str, ...]] = {}
    before: list[str] = []
    for task in tasks:
        if before and rng.random() < 0.05:
            found[task.name] = (rng.choice(before),)
        if not _is_future(task):
            before.append(task.name)
    return found


def _seconds(rng: random.Random, tasks: Iterable[Task]) -> dict[str, float]:
    times = [0.0, 1.0, 2.0, 3.5, 10.0, rng.random()]
    return {task.name: 0.0 if task.kind is TaskKind.WAIT else rng.choice(times) for task in tasks}


def _ranked(rng: random.Random, tasks: list[Task], seconds: dict[str, float]) -> tuple[Task, ...]:
    """Rank tasks by what comes after them, or not at all, as in a first run.

    A future that nobody waits for does not count.
    """
    ranks = dict.fromkeys(seconds, 0.0)
    if rng.random() < 0.8:
        ranks = remaining_paths({task.name: task.needs for task in tasks}, seconds)
    awaited = {need for task in tasks for need in task.needs}
    return tuple(
        replace(
            task,
            rank=ranks[task.name],
            counts=not _is_future(task) or task.name in awaited,
        )
        for task in tasks
    )


def _ends(rng: random.Random, tasks: list[Task]) -> dict[str, TaskState]:
    bad = rng.choice([0, 0, 0.03, 0.15])
    ends = {}
    for task in tasks:
        chance = rng.random()
        if chance < bad and task.kind is not TaskKind.WAIT:
            ends[task.name] = rng.choice(
                [TaskState.FAILED] * 8 + [TaskState.STOPPED, TaskState.NOT_RUN]
            )
        elif chance > 0.9 and not task.is_nested:
            ends[task.name] = TaskState.SKIPPED
    return ends


class Witness:
    """Runs a plan in virtual time, and checks each of the scheduler's promises."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.slots = CountedSlots(plan.jobs)
        self.scheduler = Scheduler(self.slots, serial=plan.serial, keep_going=plan.keep_going)
        self.scheduler.add(*plan.tasks)
        self.simulation = Simulation(
            self.scheduler,
            plan.seconds,
            ends=plan.ends,
            starts=plan.starts,
            late_needs=plan.late_needs,
        )
        self.tasks = {task.name: task for task in plan.tasks}
        for name, late in plan.late_needs.items():
            self.tasks[name] = replace(self.tasks[name], needs=self.tasks[name].needs + late)
        self.numbers = {task.name: number for number, task in enumerate(plan.tasks)}
        self.is_interrupted = False
        self._pending = dict(self.tasks)
        self._seen = 0

    def run(self) -> None:
        """Run the plan, and check what is promised at each moment and of the whole."""
        self.simulation.run(interrupt_at=self.plan.interrupt_at, observe=self._observe)
        self._take_in_starts()
        spans = self.simulation.spans.values()
        self.is_interrupted = self.simulation.now == self.plan.interrupt_at and any(
            span.end == self.simulation.now and span.how is TaskState.STOPPED for span in spans
        )
        self._check_ends()
        self._check_needs()
        if not self.is_interrupted:
            self._check_what_was_not_run()

    # -- at each moment ----------------------------------------------------------------------------

    def _observe(self) -> None:
        new = self._take_in_starts()
        running = [
            self.tasks[name]
            for name in self.simulation.started
            if name not in self.simulation.spans
        ]
        self._check_room(running)
        ready = [task for task in self._pending.values() if self._is_ready(task)]
        if not self.is_stopping:
            self._check_nothing_is_left(ready, running)
            self._check_order(ready, new, running)
        else:
            # A step may wait for what it has started.
            self._check_nothing_is_left([task for task in ready if task.is_nested], running)
            assert all(task.is_check or task.is_nested for task in new), "started after a failure"

    def _take_in_starts(self) -> list[Task]:
        """Return what has started since the last time."""
        names = list(self.simulation.started)[self._seen :]
        self._seen += len(names)
        for name in names:
            added = {task.name: task for task in self.plan.starts.get(name, ())}
            self.tasks |= added
            self._pending |= added
        for name in [name for name in self._pending if self._has_left(name)]:
            del self._pending[name]
        return [self.tasks[name] for name in names]

    def _has_left(self, name: str) -> bool:
        return name in self.simulation.started or name in self.simulation.spans

    def _check_room(self, running: list[Task]) -> None:
        beside = [task for task in running if not self.is_on_main_line(task)]
        locks = [task.lock for task in beside if task.lock]
        assert len(running) - len(beside) <= 1, "two at once on the main line"
        assert _slots(beside) <= (self.plan.jobs or NEVER), "more than there are slots"
        assert len(locks) == len(set(locks)), "two hold one lock"

    def _check_nothing_is_left(self, ready: list[Task], running: list[Task]) -> None:
        beside = [task for task in running if not self.is_on_main_line(task)]
        locks = {task.lock for task in beside if task.lock}
        for task in ready:
            if self.is_on_main_line(task):
                assert len(running) > len(beside), f"{task.name} could run on the main line"
            else:
                is_full = task.takes_slot and 0 < self.plan.jobs <= _slots(beside)
                assert is_full or task.lock in locks, f"{task.name} could run"

    def _check_order(self, ready: list[Task], new: list[Task], running: list[Task]) -> None:
        """The first of the main line and the most urgent future whose lock is free come first."""
        locks = {task.lock for task in running if task.lock}
        planned = [task for task in ready if not task.is_nested]
        for task in new:
            for other in planned:
                if self.is_on_main_line(task) and self.is_on_main_line(other):
                    is_first = self.numbers[task.name] < self.numbers[other.name]
                    assert is_first, f"{task.name} started before {other.name}"
                elif not self.is_on_main_line(other) and other.lock not in locks:
                    is_first = self.is_on_main_line(task) or _urgency(task) >= _urgency(other)
                    assert is_first, f"{task.name} is less urgent than {other.name}"

    # -- of the whole ------------------------------------------------------------------------------

    def _check_ends(self) -> None:
        spans, started = self.simulation.spans, self.simulation.started
        for name in self.tasks:
            state = self.scheduler.state(name)
            assert state in ENDED, f"{name} has not ended: {state}"
            if name in spans:
                assert spans[name].how is state, f"{name} ended twice"
            else:
                assert state is TaskState.NOT_RUN, f"{name} is {state} but did not end"
                assert name not in started, f"{name} started and did not end"
        assert self.slots.free == CountedSlots(self.plan.jobs).free, "a slot is not given back"
        assert self.scheduler.futures_running == 0

    def _check_needs(self) -> None:
        spans = self.simulation.spans
        for name, start in self.simulation.started.items():
            for need in self.tasks[name].needs:
                assert self._is_met(need), f"{name} started without {need}"
                if need in spans:
                    assert spans[need].end <= start, f"{name} started before the end of {need}"

    def _check_what_was_not_run(self) -> None:
        """What the driver did not choose was not run because of a failure, and only then."""
        spans = self.simulation.spans
        not_run = {name for name in self.scheduler.of(TaskState.NOT_RUN) if name not in spans}
        lost = {task.name for task in self.tasks.values() if self._lacks_something(task)}
        bad = self._counted_bad()
        if not bad:
            assert not not_run, f"not run without a failure: {not_run}"
        elif self.plan.keep_going:
            assert not_run == lost
        else:
            assert lost <= not_run
            late = {name for name in not_run - lost if self.tasks[name].is_nested}
            assert not late, f"a failure stopped futures of a step: {late}"
            self._check_other_checks(bad, not_run)

    def _check_other_checks(self, bad: list[str], not_run: set[str]) -> None:
        if all(self.tasks[name].is_check for name in bad):
            needs = {self.tasks[name].needs for name in bad}
            others = {n for n, task in self.tasks.items() if task.is_check and task.needs in needs}
            assert not others & not_run, f"a check stopped other checks: {others & not_run}"

    # -- the state of the witness ------------------------------------------------------------------

    def is_on_main_line(self, task: Task) -> bool:
        is_beside = task.is_nested or not task.takes_slot or not self.plan.serial
        return not (_is_future(task) and is_beside)

    @property
    def is_stopping(self) -> bool:
        """Whether a failure stops the run."""
        return bool(not self.plan.keep_going and self._counted_bad())

    def _counted_bad(self) -> list[str]:
        return [
            name
            for name, span in self.simulation.spans.items()
            if span.how in BAD and self.tasks[name].counts
        ]

    def _lacks_something(self, task: Task) -> bool:
        return not all(map(self._is_met, task.needs))

    def _is_ready(self, task: Task) -> bool:
        return all(map(self._is_met, task.needs))

    def _is_met(self, need: str) -> bool:
        if need not in self.tasks:
            return True
        span = self.simulation.spans.get(need)
        how = span.how if span else self.scheduler.state(need)
        return how in GOOD or (how in BAD and not self.tasks[need].counts)
