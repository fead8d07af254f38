"""A plan as Graphviz text: phases, steps of the main line, futures, and the waits for them.

One line in the picture is one need: bold along the main line, dashed where a future starts, thin
from a future to what waits for it.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from doitstack.planning.plan import Plan, PlannedStep
from doitstack.steps import Kind

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


def plan_graph(plan: Plan) -> str:
    """Return the plan in the language of Graphviz's `dot`."""
    lines = [*_phases(plan.steps), *_edges(plan.steps), *_missing(plan.steps)]
    return _HEAD + "".join(f"  {line}\n" for line in lines) + "}\n"


def _phases(steps: Sequence[PlannedStep]) -> Iterator[str]:
    for number, (phase, inside) in enumerate(groupby(steps, key=lambda planned: planned.phase)):
        yield f"subgraph cluster_{number} {{"
        yield f"  label={_quoted(phase.value)};"
        for planned in inside:
            yield f"  {_node(planned)};"
        yield "}"


def _node(planned: PlannedStep) -> str:
    label = _quoted(f"{planned.plugin}\n{_short_name(planned)}")
    looks = _LOOKS[planned.step.kind]
    if planned.is_future and not planned.is_awaited:
        looks += ', style="filled,dashed"'
    return f"{_quoted(planned.task)} [label={label}, {looks}]"


def _short_name(planned: PlannedStep) -> str:
    """Return the name of a step; an async_wait is named after its futures, which have edges."""
    return "async_wait" if planned.step.kind is Kind.ASYNC_WAIT else planned.step.name


def _edges(steps: Sequence[PlannedStep]) -> Iterator[str]:
    futures = {planned.task for planned in steps if planned.is_future}
    for planned in steps:
        for need in planned.needs:
            after_main_line = _STARTS if planned.is_future else _MAIN_LINE
            looks = _WAIT if need in futures else after_main_line
            yield f"{_quoted(need)} -> {_quoted(planned.task)} [{looks}];"


def _missing(steps: Sequence[PlannedStep]) -> Iterator[str]:
    """Yield the futures that are waited for although the plan does not start them."""
    known = {planned.step.name for planned in steps if planned.is_future}
    for planned in steps:
        for name in planned.step.waits:
            if name not in known:
                node = _quoted(f"missing {name}")
                yield f"{node} [label={_quoted(f'{name} is not in the plan')}, {_MISSING}];"
                yield f"{node} -> {_quoted(planned.task)} [{_WAIT}];"


def _quoted(text: str) -> str:
    """Return `text` as a string of Graphviz, in which a newline is an escape sequence."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
