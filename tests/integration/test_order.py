"""Futures that queue start in the order of their remaining paths, as the last run took them."""

import json

import pytest

from tests.conftest import MakeStackDir, Outcome, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = "extras.d/50-demo.py"


def remember(stack: StackDir, **seconds: float) -> None:
    """Leave the journal of an earlier run: steps by task (`__` for `:`), futures by name."""
    events: list[dict[str, object]] = [{"time": 0, "event": "run_start", "tasks": ["stack"]}]
    for name, length in seconds.items():
        task = name.replace("__", ":")
        if task != name:
            events += [
                {"time": 10, "event": "step_start", "task": task, "kind": "run"},
                {"time": 10 + length, "event": "step_end", "task": task, "status": "done"},
            ]
        else:
            times = {"start_time": 10_000, "end_time": 10_000 + length * 1000}
            events.append({"time": 99, "event": "future_end", "name": name, "rc": 0, **times})
    stack.dest.mkdir(mode=0o700)
    stack.run("unstack").ok()
    runs = stack.dest / "logs" / "runs"
    (runs / "2020-01-01T000000.jsonl").write_text("".join(f"{json.dumps(e)}\n" for e in events))


def started(outcome: Outcome) -> list[str]:
    return [event["name"] for event in outcome.journal if event["event"] == "future_start"]


PLAN = plugin("""
    def work(stack):
        pass

    @hookimpl
    def stack_install(stack):
        for name in ("short", "long", "first_of_two"):
            yield async_run(name, work)
        yield async_run("second_of_two", work, wait=["first_of_two"])
        yield async_run("soon_needed", work)
        yield async_wait("soon_needed")
        yield run(work, name="main_line")
        yield async_wait("short", "long", "second_of_two")
""")


def test_longest_remaining_path_starts_first(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({PYTHON: PLAN})
    remember(
        stack,
        short=1,
        long=50,
        first_of_two=20,
        second_of_two=40,
        soon_needed=2,
        stack__install__demo__main_line=70,
    )

    outcome = stack.run("-n", "1", "stack").ok()

    # 2 + 70, 20 + 40, 50, and the second can only start after the first.
    assert started(outcome) == ["soon_needed", "first_of_two", "long", "second_of_two", "short"]


def test_a_slot_goes_to_what_its_last_holder_has_held_up(stack_dir: MakeStackDir) -> None:
    hook = """
        def work(stack):
            pass

        @hookimpl
        def stack_install(stack):
            yield async_run("first_of_two", work)
            yield async_run("second_of_two", work, wait=["first_of_two"])
            yield async_run("between", work)
            yield async_wait("second_of_two", "between")
    """
    stack = stack_dir({PYTHON: plugin(hook)})
    remember(stack, first_of_two=1, second_of_two=50, between=20)

    outcome = stack.run("-n", "1", "stack").ok()

    assert started(outcome) == ["first_of_two", "second_of_two", "between"]


def test_first_run_has_the_order_of_the_plan(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({PYTHON: PLAN})

    outcome = stack.run("-n", "1", "stack").ok()

    order = ["short", "long", "first_of_two", "soon_needed", "second_of_two"]
    assert started(outcome) == order


def test_second_run_uses_the_durations_of_the_first(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def work(stack, seconds):
            time.sleep(seconds)

        @hookimpl
        def stack_install(stack):
            for number, name in enumerate("abc"):
                yield async_run(name, work, number / 4)
            yield async_wait("a", "b", "c")
    """)
        }
    )

    first = stack.run("-n", "1", "stack").ok()
    took = {
        event["name"]: event["end_time"] - event["start_time"]
        for event in first.journal
        if event["event"] == "future_end"
    }
    assert started(first) == ["a", "b", "c"]
    # On a busy machine, any of them may have been the longest.
    longest_first = sorted(took, key=lambda name: -took[name])
    assert started(stack.run("-n", "1", "stack").ok()) == longest_first


def test_futures_that_steps_and_scripts_start_are_ordered_too(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def work(stack):
            pass

        def busy(stack):
            until(lambda: Path("go").exists())

        def start(stack):
            stack.async_run("busy", busy)
            for name in ("a", "b", "planned_later"):
                stack.async_run(name, work)

        @hookimpl
        def stack_install(stack):
            yield run(start)
    """),
            "extras.d/60-script.sh": """\
                if [[ "$1 $2" == "stack install" ]]; then
                    async_run c true
                    async_run d true
                    touch go
                    async_wait a b c d busy planned_later
                fi
            """,
        }
    )
    remember(stack, a=1, b=3, c=2, d=4, planned_later=0)

    outcome = stack.run("-n", "1", "stack").ok()

    assert started(outcome) == ["busy", "d", "b", "c", "a", "planned_later"]


def test_serial_run_keeps_the_order_of_the_plan(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({PYTHON: PLAN})
    remember(stack, short=1, long=50, soon_needed=90)

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    order = ["short", "long", "first_of_two", "second_of_two", "soon_needed"]
    assert started(outcome) == order
