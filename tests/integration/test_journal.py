"""The journal of a run, read afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeStackDir, Outcome
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = "extras.d/50-demo.py"


def _steps(outcome: Outcome, event: str) -> dict[str, dict[str, Any]]:
    return {e["task"].rpartition(":")[2]: e for e in outcome.journal if e["event"] == event}


def _cut(outcome: Outcome, start: int, end: int) -> list[str]:
    log = Path(outcome.directory.dest / "logs" / "stack.log").read_bytes()
    return log[start:end].decode().splitlines()


def test_steps_have_their_needs_and_the_place_of_their_output(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def work(stack):
                    print("working")
                    stack.run(["echo", "a program"])

                def slow(stack):
                    print("slow work")

                @hookimpl
                def stack_install(stack):
                    yield run(work)
                    yield async_run("slow", slow)
                    yield run(work, name="again")
                    yield async_wait("slow")
            """)
        }
    )
    stack.run("stack").ok()
    outcome = stack.run("stack").ok()

    started, ended = _steps(outcome, "step_start"), _steps(outcome, "step_end")
    assert _cut(outcome, started["work"]["log"], ended["work"]["log"])[:3] == [
        "==> stack install: demo: work",
        "working",
        "a program",
    ]
    (collected,) = [e for e in outcome.journal if e["event"] == "collected"]
    assert _cut(outcome, *collected["log"]) == ["slow work"]
    assert started["slow"]["needs"] == ["stack:install:demo:work"]
    assert started["async_wait-slow"]["needs"] == [
        "stack:install:demo:again",
        "stack:install:demo:slow",
    ]


def test_steps_that_did_not_run_are_recorded(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def fine(stack):
                    pass

                def broken(stack):
                    raise RuntimeError

                @hookimpl
                def stack_install(stack):
                    yield run(fine, uptodate=[True])
                    yield run(broken)
                    yield async_run("late", fine)
                    yield async_wait("late")

                @hookimpl
                def unstack(stack):
                    yield run(fine, name="not_wanted")
            """)
        }
    )
    stack.run("stack").failed(1)
    outcome = stack.run("stack").failed(1)

    assert list(_steps(outcome, "step_skipped")) == ["fine"]
    assert _steps(outcome, "step_end")["broken"]["status"] == "failed"
    assert list(_steps(outcome, "step_not_run")) == ["late", "async_wait-late"]


def test_run_samples_cpu_time_also_while_python_keeps_the_thread(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                import json

                def samples(stack):
                    (path,) = (stack.log_dir / "runs").iterdir()
                    events = map(json.loads, path.read_text().splitlines())
                    return [e for e in events if e["event"] == "usage"]

                def compute(stack):
                    known = len(samples(stack))
                    until(lambda: len(samples(stack)) > known, "a sample")

                @hookimpl
                def stack_install(stack):
                    yield run(compute)
            """)
        }
    )
    outcome = stack.run("stack").ok()

    samples = [e for e in outcome.journal if e["event"] == "usage"]
    # one at the start, one in the step, one at the end
    assert len(samples) >= 3
    cpu, machine = ([e[key] for e in samples] for key in ("cpu", "machine"))
    assert cpu == sorted(cpu)
    assert 0 < cpu[0] <= cpu[-1]
    assert machine == sorted(machine)


def test_wait_is_for_the_future_that_still_runs(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def quick(stack):
                    pass

                def slow(stack):
                    until_logged(stack, "Waiting for completion of slow")

                def wait_for_quick(stack):
                    (journal,) = (stack.log_dir / "runs").glob("*.jsonl")
                    while '"future_end"' not in journal.read_text():
                        stack.sleep(0.01)

                @hookimpl
                def stack_install(stack):
                    yield async_run("quick", quick)
                    yield async_run("slow", slow)
                    yield run(wait_for_quick)
                    yield async_wait("quick", "slow")
            """)
        }
    )
    outcome = stack.run("stack").ok()

    waited = {e["name"]: e["waited"] for e in outcome.journal if e["event"] == "collected"}
    assert list(waited) == ["quick", "slow"]
    assert waited["quick"] == 0 < waited["slow"]


def test_wait_begins_before_the_future_that_it_is_for(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
                def first(stack):
                    until(lambda: '"wait_start"' in max(
                        (stack.log_dir / "runs").glob("*.jsonl")).read_text())
                    time.sleep(0.1)

                @hookimpl
                def stack_install(stack):
                    yield async_run("good", ["true"], uptodate=[Path("again").exists()])
                    yield async_run("first", first)
                    yield async_run("second", ["true"], wait=["first"])
                    yield async_wait("good", "second")
            """)
        }
    )
    stack.run("stack").ok()
    (stack.path / "again").touch()

    outcome = stack.run("stack").ok()

    events = {(e["event"], e.get("name")): e for e in outcome.journal}
    wait, collected = events["wait_start", "second"], events["collected", "second"]
    ended = events["future_end", "first"]["end_time"] / 1000
    assert wait["time"] < ended < events["future_start", "second"]["time"]
    assert collected["waited"] >= ended - wait["time"] - 0.001
    told = [line.partition("]: ")[2] for line in outcome.lines if "Waiting for" in line]
    assert told[0] == "Waiting for completion of true (0 other jobs running)"
    figures = json.loads(stack.run("timing", "--json").ok().out)
    assert figures["wait"] >= collected["waited"] - 0.001, "rounded"
    assert figures["lower_bound"] <= figures["elapsed"] + 0.002


PYTHON = """
def broken(stack):
    raise RuntimeError

def waits(stack):
    stack.async_run("own", broken)
    stack.async_wait("own")

def goes_on(stack):
    stack.async_run("own", broken)
    try:
        stack.async_wait("own")
    except Exception:
        raise ValueError("for another reason") from None

@hookimpl
def stack_install(stack):
    yield run({})
"""

BASH = """
if [[ "$1 $2" == "stack install" ]]; then
    async_run own false
    {}
fi
"""


@pytest.mark.parametrize(
    ("name", "text", "future"),
    [
        (DEMO, plugin(PYTHON.format("waits")), "own"),
        (DEMO, plugin(PYTHON.format("goes_on")), None),
        ("extras.d/50-demo.sh", BASH.format("async_wait own"), "own"),
        ("extras.d/50-demo.sh", BASH.format("async_wait own || true; false"), None),
    ],
    ids=["python", "python for another reason", "bash", "bash for another reason"],
)
def test_step_names_the_future_that_failed_it(
    stack_dir: MakeStackDir, name: str, text: str, future: str | None
) -> None:
    outcome = stack_dir({name: text}).run("stack").failed(1)

    ends = _steps(outcome, "step_end").values()
    assert [end.get("future") for end in ends if end["status"] == "failed"] == [future]
