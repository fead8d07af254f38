"""A run simulated with other durations of its steps, and the gains. Reads no files.

The main line is a list of moves: work for some time, start a future, wait for one. The scheduler
decides when a future starts, as it does in a run; of those that could start, the first is the one
that was first in the run. Work takes as long as it took, although fewer steps at once would each be
faster, since they share the processors.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from doitstack.journal.run_record import RunRecord, WaitRecord
from doitstack.journal.step_record import StepRecord
from doitstack.journal.timing import NOTICEABLE
from doitstack.records import Record
from doitstack.scheduling.simulation import makespan
from doitstack.scheduling.task import Task, TaskKind
from doitstack.steps import Kind

LONGEST = 40
"""How many of the longest steps are tried with other lengths."""


class Work(Record):
    """The main line works on the step `owner` for some time (s)."""

    owner: str
    seconds: float


class Start(Record):
    """The main line starts a future."""

    future: str


class Await(Record):
    """The main line waits for the end of a future."""

    future: str


Move = Work | Start | Await


class Background(Record):
    """A future: how long it works (s), what it waits for before it starts, and its lock."""

    seconds: float
    waits: tuple[str, ...] = ()
    lock: str = ""


class Graph(Record):
    """The work of a run: the moves of its main line, and its futures in the order of their starts.

    `jobs` is how many of them may run at once (0: all).
    """

    moves: tuple[Move, ...]
    futures: Mapping[str, Background]
    jobs: int = 0

    def scaled(self, owner: str, factor: float) -> "Graph":
        """Return the graph with a step or future `factor` times as long."""
        moves = tuple(
            replace(move, seconds=move.seconds * factor)
            if isinstance(move, Work) and move.owner == owner
            else move
            for move in self.moves
        )
        futures = dict(self.futures)
        if owner in futures:
            futures[owner] = replace(futures[owner], seconds=futures[owner].seconds * factor)
        return replace(self, moves=moves, futures=futures)

    def waiting_last(self, futures: Collection[str]) -> "Graph":
        """Return the graph with the waits for some futures moved to the end of the main line."""
        waits: list[Move] = []
        others: list[Move] = []
        for move in self.moves:
            is_wait = isinstance(move, Await) and move.future in futures
            (waits if is_wait else others).append(move)
        return replace(self, moves=(*others, *waits))


def play(graph: Graph) -> float:
    """Return how long (s) a run of this graph takes."""
    tasks, seconds = [], {}
    ranks = {name: -number for number, name in enumerate(graph.futures)}
    before: tuple[str, ...] = ()
    for number, move in enumerate(graph.moves):
        name = f"#{number}"
        match move:
            case Work():
                tasks.append(Task(name, TaskKind.STEP, before))
                before, seconds[name] = (name,), move.seconds
            case Await():
                tasks.append(Task(name, TaskKind.WAIT, (*before, move.future)))
                before = (name,)
            case Start():
                future, name = graph.futures[move.future], move.future
                needs = (*before, *future.waits)
                tasks.append(Task(name, TaskKind.FUTURE, needs, future.lock, ranks[name]))
                seconds[name] = future.seconds
    return makespan(tasks, seconds, jobs=graph.jobs)


def key_of(step: StepRecord) -> str:
    """Return the key of a step in a graph: the name of a future, or else the task."""
    return step.name if step.is_future else step.task


def _with_own_names(run: RunRecord) -> RunRecord:
    """Return the run with a name of its own for each future: a, a (2), a (3).

    A name may be used again after its future has been collected. Each wait is for the last one.
    """
    declared: dict[str, list[float]] = {}

    def awaited(name: str, time: float) -> str:
        return _numbered(name, sum(one <= time for one in declared.get(name, ())))

    steps = []
    for step in run.steps:
        name, waits = step.name, tuple(awaited(name, step.declared) for name in step.waits)
        if step.is_future:
            times = declared.setdefault(name, [])
            times.append(step.declared)
            name = _numbered(name, len(times))
        steps.append(replace(step, name=name, waits=waits))
    run_waits = [replace(wait, name=awaited(wait.name, wait.start)) for wait in run.waits]
    return replace(run, steps=steps, waits=run_waits)


def _numbered(name: str, number: int) -> str:
    return f"{name} ({number})" if number > 1 else name


def graph_of(run: RunRecord) -> Graph:
    """Return the work of a run as a graph. Each future must have a name of its own."""
    futures = [step for step in run.futures if step.was_run]
    known = {step.name for step in futures}
    return Graph(
        moves=tuple(_moves(run, known)),
        futures={
            step.name: Background(
                step.seconds, tuple(name for name in step.waits if name in known), step.lock
            )
            for step in sorted(futures, key=lambda step: step.start)
        },
        jobs=run.jobs,
    )


def _moves(run: RunRecord, futures: set[str]) -> Iterator[Move]:
    """Yield the main line's moves: at each start and wait, the work that was done up to it."""
    work = [step for step in run.main_line if step.kind is not Kind.ASYNC_WAIT]
    at = run.start
    for time, what in _marks(run, futures):
        yield from _work_between(work, at, time)
        at = max(at, time)
        if isinstance(what, Start):
            yield what
            continue
        if what.name in futures:
            yield Await(what.name)
        at = max(at, what.end)
    yield from _work_between(work, at, run.end)


def _marks(run: RunRecord, futures: set[str]) -> list[tuple[float, Start | WaitRecord]]:
    """Return when the main line started futures and when it began to wait, in order."""
    ends = {step.task: step.end for step in run.steps if step.task}
    starts = [
        (startable(step, ends), Start(step.name)) for step in run.futures if step.name in futures
    ]
    waits = [(wait.start, wait) for wait in run.waits] if run.is_parallel else []
    marks: list[tuple[float, Start | WaitRecord]] = [*starts, *waits]
    return sorted(marks, key=lambda mark: mark[0])


def startable(step: StepRecord, ends: Mapping[str, float]) -> float:
    """Return when the main line had come to the start of a future, whatever that waited for."""
    before = [ends[task] for task in step.needs[:1] if task in ends]
    return min([step.declared, *before])


def _work_between(steps: list[StepRecord], start: float, end: float) -> Iterator[Work]:
    """Yield what the main line worked on in that time; what lies between steps has no owner."""
    left = end - start
    for step in steps:
        seconds = min(end, step.end) - max(start, step.start)
        if seconds > 0:
            left -= seconds
            yield Work(key_of(step), seconds)
    if left > 0:
        yield Work("", left)


class Gain(Record):
    """How much shorter (s) the run would be if a step took half as long, or no time at all."""

    step: StepRecord
    half: float
    none: float


class WaitGain(Record):
    """How much shorter (s) the run would be if `step` waited for its futures at the very end.

    `step` is an async_wait, or what waited in its midst; `waited` is how long (s).
    """

    step: StepRecord
    futures: tuple[str, ...]
    waited: float
    gain: float


class WhatIf(Record):
    """The gains of other durations, the greatest first.

    `replayed` is how long (s) the graph takes as it was: how far it is from the run's own time
    says how well the graph describes the run.
    """

    replayed: float
    steps: tuple[Gain, ...]
    waits: tuple[WaitGain, ...]


def what_if(run: RunRecord) -> WhatIf:
    """Return the gains of shorter steps and later waits in this run."""
    named = _with_own_names(run)
    originals = dict(zip(map(id, named.steps), run.steps, strict=True))
    graph = graph_of(named)
    base = play(graph)
    tried = [
        step
        for step in named.steps
        if step.was_run and step.kind is not Kind.ASYNC_WAIT and step.seconds >= NOTICEABLE
    ]
    tried = sorted(tried, key=lambda step: -step.seconds)[:LONGEST]
    gains = [
        Gain(
            originals[id(step)],
            half=base - play(graph.scaled(key_of(step), 0.5)),
            none=base - play(graph.scaled(key_of(step), 0.0)),
        )
        for step in tried
    ]
    waits = [
        WaitGain(originals[id(step)], names, waited, base - play(graph.waiting_last(names)))
        for step, names, waited in _waiting_steps(named, graph)
        if waited >= NOTICEABLE
    ]
    return WhatIf(
        replayed=base,
        steps=tuple(sorted(gains, key=lambda gain: (-gain.half, -gain.none))),
        waits=tuple(sorted(waits, key=lambda wait: -wait.gain)),
    )


def _waiting_steps(
    run: RunRecord, graph: Graph
) -> Iterator[tuple[StepRecord, tuple[str, ...], float]]:
    """Yield the steps in which the main line waited, for which futures, and for how long (s)."""
    for step in run.main_line:
        waits = [
            wait
            for wait in run.waits
            if wait.name in graph.futures and step.start <= wait.start < step.end
        ]
        if waits:
            names = tuple(dict.fromkeys(wait.name for wait in waits))
            yield step, names, sum(wait.end - wait.start for wait in waits)
