"""A plan as Graphviz text: phases, steps of the main line, futures, and the waits for them.

One line in the picture is one need: bold along the main line, dashed where a future starts, thin
from a future to what waits for it.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby

from doitstack.planning.plan import Plan, PlannedStep, end_elsewhere
from doitstack.steps import DoitOnHost, Kind

_HEAD = """\
digraph plan {
  rankdir=TB;
  graph [fontname="sans-serif", labeljust=l, style=rounded, color="#9aa5b1", fontcolor="#4a5560"];
  node [fontname="sans-serif", fontsize=11, shape=box, style=filled, fillcolor="#dbe9fb",
        color="#2f6fb5"];
  edge [color="#4a5560"];
"""

_LOOKS = {
    Kind.RUN: "group=main",
    Kind.ASYNC_RUN: 'shape=ellipse, fillcolor="#d5f0e6", color="#00735a"',
    Kind.ASYNC_WAIT: 'group=main, shape=cds, fillcolor="#fff1d0", color="#b36b00"',
}
_MAIN_LINE = "penwidth=2.5, weight=8"
_STARTS = 'style=dashed, color="#00735a"'
_WAIT = 'color="#b36b00"'
_MISSING = 'shape=ellipse, style=dashed, color="#c0392b", fontcolor="#c0392b"'


def plan_graph(plans: Mapping[str, Plan]) -> str:
    """Return the plans of hosts in the language of Graphviz's `dot`."""
    lines = [line for host in plans for line in _Host(host, plans).lines()]
    return _HEAD + "".join(f"  {line}\n" for line in lines) + "}\n"


class _Host:
    """The plan of a host; with several hosts, it is in a frame of its own."""

    def __init__(self, name: str, plans: Mapping[str, Plan]) -> None:
        self._name = name
        self._plans = plans
        self._is_framed = len(plans) > 1
        ends = {one.task: end_elsewhere(one, plans) for one in plans[name].steps}
        self._ends = {task: there for task, there in ends.items() if there}
        self._steps = [one for one in plans[name].steps if one.task not in self._ends]
        self._futures = {one.task for one in plans[name].steps if one.is_future}

    def lines(self) -> Iterator[str]:
        """Yield the lines of its steps and of what they need."""
        if self._is_framed:
            yield f"subgraph {_quoted(f'cluster_{self._name}')} {{ label={_quoted(self._name)};"
        yield from self._phases()
        if self._is_framed:
            yield "}"
        yield from self._edges()
        yield from self._missing()

    def _id(self, task: str, host: str = "") -> str:
        return _quoted(f"{host or self._name} {task}" if self._is_framed else task)

    def _phases(self) -> Iterator[str]:
        frame = f"{self._name}_" if self._is_framed else ""
        for number, (phase, inside) in enumerate(groupby(self._steps, key=lambda one: one.phase)):
            name = f"cluster_{frame}{number}"
            yield f"subgraph {_quoted(name) if frame else name} {{"
            yield f"  label={_quoted(phase.value)};"
            for planned in inside:
                yield f"  {self._node(planned)};"
            yield "}"

    def _node(self, planned: PlannedStep) -> str:
        label = _quoted(f"{planned.plugin}\n{_short_name(planned)}")
        looks = _LOOKS[planned.step.kind]
        if planned.is_future and not planned.is_awaited:
            looks += ', style="filled,dashed"'
        return f"{self._id(planned.task)} [label={label}, {looks}]"

    def _edges(self) -> Iterator[str]:
        for planned in self._steps:
            task = self._id(planned.task)
            for need in planned.needs:
                after_main_line = _STARTS if planned.is_future else _MAIN_LINE
                looks = _WAIT if need in self._futures else after_main_line
                host, its_task = self._ends.get(need, (self._name, need))
                yield f"{self._id(its_task, host)} -> {task} [{looks}];"
            match planned.step.action:
                case DoitOnHost(host=host) if host in self._plans:
                    for first in self._plans[host].steps[:1]:
                        yield f"{task} -> {self._id(first.task, host)} [{_STARTS}];"

    def _missing(self) -> Iterator[str]:
        """Yield the futures that are waited for although the plan does not start them."""
        known = {one.step.name for one in self._plans[self._name].steps if one.is_future}
        for planned in self._steps:
            for name in planned.step.waits:
                if name not in known:
                    node = self._id(f"missing {name}")
                    yield f"{node} [label={_quoted(f'{name} is not in the plan')}, {_MISSING}];"
                    yield f"{node} -> {self._id(planned.task)} [{_WAIT}];"


def _short_name(planned: PlannedStep) -> str:
    """Return the name of a step; an async_wait is named after its futures, which have edges."""
    return "async_wait" if planned.step.kind is Kind.ASYNC_WAIT else planned.step.name


def _quoted(text: str) -> str:
    """Return `text` as a string of Graphviz, in which a newline is an escape sequence."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
