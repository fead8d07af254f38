"""A plan as Graphviz text."""

import re
from textwrap import dedent

from doitstack.phases import Phase
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.possible_futures import FutureNames
from doitstack.reports.graphviz import plan_graph
from doitstack.steps import DoitOnHost, Kind, Step, async_run, async_wait, run


def act(stack: object) -> None:
    """Stand for an action."""


def _body(text: str) -> str:
    """Return the graph without the attributes of its appearance."""
    head, _, body = text.partition("  subgraph")
    assert head.startswith("digraph plan {")
    return f"subgraph{body}"


def test_plan_graph() -> None:
    key, demo = Plugin("key", ""), Plugin("demo", "")
    plan = make_plan(
        [
            Declared(Phase.INSTALL, key, [run(act), async_run("a", act), run(act, name="b")]),
            Declared(Phase.EXTRA, demo, [async_wait("a", "gone"), async_run("lost", act)]),
        ],
        lambda: FutureNames(frozenset({"gone"})),
    )
    future = 'shape=ellipse, fillcolor="#d5f0e6", color="#00735a"'
    wait = 'group=main, shape=cds, fillcolor="#fff1d0", color="#b36b00"'
    missing = 'shape=ellipse, style=dashed, color="#c0392b", fontcolor="#c0392b"'
    assert _body(plan_graph({"controller": plan})) == dedent(f"""\
        subgraph cluster_0 {{
            label="stack install";
            "stack:install:key:act" [label="key\\nact", group=main];
            "stack:install:key:a" [label="key\\na", {future}];
            "stack:install:key:b" [label="key\\nb", group=main];
          }}
          subgraph cluster_1 {{
            label="stack extra";
            "stack:extra:demo:async_wait-a-gone" [label="demo\\nasync_wait", {wait}];
            "stack:extra:demo:lost" [label="demo\\nlost", {future}, style="filled,dashed"];
          }}
          "stack:install:key:act" -> "stack:install:key:a" [style=dashed, color="#00735a"];
          "stack:install:key:act" -> "stack:install:key:b" [penwidth=2.5, weight=8];
          "stack:install:key:b" -> "stack:extra:demo:async_wait-a-gone" [penwidth=2.5, weight=8];
          "stack:install:key:a" -> "stack:extra:demo:async_wait-a-gone" [color="#b36b00"];
          "stack:extra:demo:async_wait-a-gone" -> "stack:extra:demo:lost" [style=dashed, color="#00735a"];
          "missing gone" [label="gone is not in the plan", {missing}];
          "missing gone" -> "stack:extra:demo:async_wait-a-gone" [color="#b36b00"];
        }}
    """)  # noqa: E501 - one edge is one line


def test_names_are_quoted() -> None:
    plan = make_plan([Declared(Phase.EXTRA, Plugin("p", ""), [run(act, name='a "b" \\n')])])
    assert '[label="p\\na \\"b\\" \\\\n"' in plan_graph({"controller": plan})


def test_empty_plan_is_a_graph() -> None:
    assert plan_graph({"controller": make_plan([])}).endswith("];\n}\n")


def test_hosts_have_frames_and_wait_for_one_another() -> None:
    hosts, demo = Plugin("hosts", ""), Plugin("demo", "")
    stack = Step(Kind.ASYNC_RUN, "stack@one", DoitOnHost("one", "stack"))
    plans = {
        "controller": make_plan(
            [
                Declared(Phase.INSTALL, hosts, [stack]),
                Declared(Phase.INSTALL, demo, [async_wait("x@one", "stack@one")]),
            ]
        ),
        "one": make_plan([Declared(Phase.INSTALL, demo, [async_run("x", act)])]),
    }
    text = plan_graph(plans)
    assert re.findall("subgraph (.*?) {", text) == [
        '"cluster_controller"',
        '"cluster_controller_0"',
        '"cluster_one"',
        '"cluster_one_0"',
    ]
    wait, start = '"controller stack:install:demo:async_wait-x@one-stack@one"', "stack:install:"
    assert {line.split(" [")[0].strip() for line in text.splitlines() if "->" in line} == {
        f'"one {start}demo:x" -> {wait}',
        f'"controller {start}hosts:stack@one" -> {wait}',
        f'"controller {start}hosts:stack@one" -> "one {start}demo:x"',
    }
