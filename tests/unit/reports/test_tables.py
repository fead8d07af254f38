"""Tables as users read them, whole."""

import re
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from unittest.mock import Mock

from doitstack.journal.critical_path import Stretch
from doitstack.journal.status import RecordedState
from doitstack.journal.timing import Timing
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.reports.tables import (
    FutureRow,
    futures_table,
    plan_table,
    plugins_table,
    timing_tables,
)
from doitstack.steps import DoitOnHost, Kind, Step, async_run, async_wait, run


def act(stack: object) -> None:
    """Stand for an action."""


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def test_plan_table() -> None:
    plan = make_plan(
        [
            Declared(Phase.SOURCE, Plugin("key", ""), [run(act)]),
            Declared(
                Phase.EXTRA,
                Plugin("key", ""),
                [async_run("a", act), async_run("b", act, wait=["a"])],
            ),
            Declared(Phase.EXTRA, Plugin("demo", ""), [async_wait("b"), async_run("lost", act)]),
        ]
    )

    assert _trimmed(plan_table({"controller": plan}, ["something is odd"])) == dedent("""\
        phase        plugin    step          what        waits for    waited for in
        -----------  --------  ------------  ----------  -----------  -----------------
        source       key       act           run
        stack extra  key       a             async_run                b
                     key       b             async_run   a            stack extra: demo
                     demo      async_wait-b  async_wait  b
                     demo      lost          async_run                (never)
        WARNING: something is odd
    """)


def test_plan_table_stays_narrow_where_many_futures_are_waited_for() -> None:
    names = [f"future-{number}" for number in range(7)]
    steps = [*(async_run(name, act, wait=names[:1] * (name != names[0])) for name in names)]
    plan = make_plan([Declared(Phase.EXTRA, Plugin("p", ""), [*steps, async_wait(*names)])])

    lines = _trimmed(plan_table({"controller": plan}, width=200)).splitlines()
    assert lines[2].split("async_run")[1].strip() == "stack extra: p and 6 more"
    assert lines[-2:] == [
        "             p         async_wait-future-0 and 6 more  async_wait  "
        "future-0 future-1 future-2 future-3",
        f"{' ' * 67}future-4 future-5 future-6",
    ]


def test_plan_table_for_a_pipe_has_one_line_for_each_step() -> None:
    names = [f"future-{number}" for number in range(7)]
    steps = [*(async_run(name, act) for name in names), async_wait(*names)]
    plan = make_plan([Declared(Phase.EXTRA, Plugin("p", ""), steps)])

    last = _trimmed(plan_table({"controller": plan})).splitlines()[-1]
    assert last.endswith(f"async_wait  {' '.join(names)}")


def test_plan_shows_what_was_chosen_for_this_machine_and_why() -> None:
    steps = [async_run("choose", ["true"], note="kvm: a probe\nhas come up")]
    text = plan_table({"controller": make_plan([Declared(Phase.EXTRA, Plugin("p", ""), steps)])})
    assert text.splitlines()[-1] == "choose: kvm: a probe\\nhas come up"


def test_plan_table_of_hosts() -> None:
    demo, hosts = Plugin("demo", ""), Plugin("hosts", "")
    one = [async_run("x", act, wait=["a@controller"]), async_wait("x")]
    stacks = [
        Step(Kind.ASYNC_RUN, f"stack@{host}", DoitOnHost(host, "stack")) for host in ("one", "two")
    ]
    waits = async_wait("x@one", "stack@one", "stack@two")
    plans = {
        "controller": [
            Declared(Phase.INSTALL, hosts, stacks),
            Declared(Phase.INSTALL, demo, [async_run("a", act), async_wait("a")]),
            Declared(Phase.EXTRA, demo, [waits]),
        ],
        "one": [Declared(Phase.INSTALL, demo, one), Declared(Phase.EXTRA, demo, [run(act)])],
        "two": [Declared(Phase.EXTRA, demo, [run(act)])],
        "three": [Declared(Phase.EXTRA, demo, [run(act)])],
    }
    text = plan_table({host: make_plan(declared) for host, declared in plans.items()})
    assert [re.split("  +", line.rstrip()) for line in _trimmed(text).splitlines()[2:]] == [
        ["stack install", "controller", "hosts", "stack@one", "async_run", "stack extra: demo"],
        ["", "controller", "hosts", "stack@two", "async_run", "stack extra: demo"],
        ["", "controller", "demo", "a", "async_run", "stack install: demo and 1 more"],
        ["", "controller", "demo", "async_wait-a", "async_wait", "a"],
        ["", "one", "demo", "x", "async_run", "a@controller",
         "controller: stack extra: demo and 1 more"],
        ["", "one", "demo", "async_wait-x", "async_wait", "x"],
        ["stack extra", "controller", "demo", "async_wait-x@one and 2 more", "async_wait",
         "x@one stack@one stack@two"],
        ["", "one", "demo", "act", "run"],
        ["", "two and 1 more", "demo", "act", "run"],
    ]  # fmt: skip


def test_plan_table_of_nothing() -> None:
    assert plan_table({"controller": make_plan([])}) == "no steps\n"


def test_plugins_table() -> None:
    plugins = [
        Plugin("key", "doitstack (entry point key = keystone)", is_service=True),
        Plugin("demo", "/s/extras.d/50-demo.sh", hooks=dict.fromkeys(["source"], Mock())),
    ]
    assert _trimmed(plugins_table(plugins)) == dedent("""\
        plugin    stack    unstack    found in                                hooks
        --------  -------  ---------  --------------------------------------  -------
        key       1        2          doitstack (entry point key = keystone)
        demo      2        1          /s/extras.d/50-demo.sh                  source
    """)
    assert plugins_table([]) == "no plugins\n"


def test_futures_table(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.touch()
    rows = [
        FutureRow("a", RecordedState.COLLECTED, 123, 1.26, 0, log),
        FutureRow("long-name", RecordedState.RUNNING, 45678, 100.0, None, tmp_path / "missing.log"),
        FutureRow("here", RecordedState.ENDED, 0, 0.0, 7, tmp_path / "missing.log"),
        FutureRow("there@one", RecordedState.ENDED, 0, 1.0, 0, tmp_path / "missing.log"),
    ]
    rule = "-" * len(str(log))
    assert _trimmed(futures_table(rows)) == (
        "future     state        pid    seconds    rc  log\n"
        f"---------  ---------  -----  ---------  ----  {rule}\n"
        f"a          collected    123        1.3     0  {log}\n"
        "long-name  running    45678      100.0\n"
        "here       ended       self        0.0     7\n"
        "there@one  ended                   1.0     0\n"
    )
    assert futures_table([]) == "no futures\n"


TIMING = Timing(
    elapsed=100.0,
    background=80.0,
    wait=30.0,
    cpu=120.0,
    cores=2,
    critical_path=90.0,
    critical_steps=(
        Stretch("tempest", 0.0, 60.0),
        Stretch("key: install", 60.0, 89.97),
        Stretch("x", 89.97, 89.98),
    ),
    components={"async_wait": 30.0, "dbsync": 45.25},
    is_parallel=True,
    serial_elapsed=150.0,
)


def test_timing_tables_of_a_parallel_run() -> None:
    assert _trimmed(timing_tables(TIMING)) == dedent("""\
        DevStack Component Timing      seconds
        ---------------------------  ---------
        dbsync                            45.2
        async_wait                        30.0
        Unaccounted time                  24.8
        Total runtime                    100.0

        Async summary                               seconds
        ----------------------------------------  ---------
        Time spent in the background minus waits       50.0
        Elapsed time                                  100.0
        Time if we did everything serially            150.0
        Speedup                                      1.50 x

        What bounds it                          seconds
        ------------------------------------  ---------
        CPU time of the run and its services      120.0
        Critical path                              90.0
        Lower bound on 2 cores                     90.0
        Measured against the last serial run     1.50 x
        on the critical path: tempest              60.0
        on the critical path: key: install         30.0
    """)


def test_timing_tables_fit() -> None:
    steps = (Stretch("z" * 100, 0.0, 9.0),)
    lines = timing_tables(replace(TIMING, critical_steps=steps), 79).splitlines()
    assert max(map(len, lines)) <= 79
    assert "".join(lines).count("z") == 100


def test_timing_tables_of_a_serial_run() -> None:
    serial = Timing(10.0, 0.0, 0.0, 8.0, 1, 10.0, (), {}, is_parallel=False)
    assert _trimmed(timing_tables(serial)) == dedent("""\
        DevStack Component Timing      seconds
        ---------------------------  ---------
        Unaccounted time                  10.0
        Total runtime                     10.0

        What bounds it                          seconds
        ------------------------------------  ---------
        CPU time of the run and its services        8.0
        Critical path                              10.0
        Lower bound on 1 cores                     10.0
    """)
