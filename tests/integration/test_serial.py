"""DEVSTACK_PARALLEL=False: the same steps in the same order, in place, with true durations."""

import json
import re

import pytest

from tests.conftest import MakeStackDir
from tests.integration.probes import plugin, transcript

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = "extras.d/50-demo.py"
SCRIPT = "extras.d/60-script.sh"

STEPS = plugin("""
    def say(stack, *words):
        print(*words)
        with open("order", "a") as order:
            print(*words, file=order)
        return words[0]

    def dynamic(stack):
        future = stack.async_run("dynamic", say, "d", "of a step")
        assert future.done()
        assert future.result() == "d"

    @hookimpl
    def stack_install(stack):
        yield run(say, "1", name="first")
        yield async_run("b", say, "2", "waits for nothing")
        yield async_run("c", say, "3", "is the third", wait=["b"])
        yield run(say, "4", name="fourth")
        yield async_run("program", ["sh", "-c", "echo 5 a program | tee -a order"])
        yield async_run("bash", shell("greet '6 in  bash'"))
        yield async_wait("bash", "b", "c", "program")
        yield run(dynamic)
        yield run(say, "7", name="seventh")
""")

GREET = 'greet() { echo "$1" | tee -a order; }\n'


def test_serial_run_does_the_same_steps_in_declared_order(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({PYTHON: STEPS, "extras.d/40-greet.sh": GREET})

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    assert (stack.path / "order").read_text().splitlines() == [
        "1",
        "2 waits for nothing",
        "3 is the third",
        "4",
        "5 a program",
        "6 in  bash",
        "d of a step",
        "7",
    ]
    assert "WARNING" not in outcome.out
    assert outcome.journal[0]["parallel"] is False


def test_serial_run_prints_the_output_in_place(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({PYTHON: STEPS, "extras.d/40-greet.sh": GREET})

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    assert transcript(outcome) == [
        "1",
        "[Async b:self]: Running synchronously: say 2 waits for nothing",
        "2 waits for nothing",
        "[Async c:self]: Running synchronously: say 3 is the third",
        "3 is the third",
        "4",
        "[Async program:self]: Running synchronously: sh -c 'echo 5 a program | tee -a order'",
        "5 a program",
        "[Async bash:self]: Running synchronously: greet '6 in  bash'",
        "6 in  bash",
        "[Async bash:self]: finished greet '6 in  bash' with result 0 in N seconds",
        "[Async b:self]: finished say 2 waits for nothing with result 0 in N seconds",
        "[Async c:self]: finished say 3 is the third with result 0 in N seconds",
        "[Async program:self]: finished sh -c 'echo 5 a program | tee -a order' "
        "with result 0 in N seconds",
        "[Async dynamic:self]: Running synchronously: say d of a step",
        "d of a step",
        "[Async dynamic:self]: finished say d of a step with result 0 in N seconds",
        "7",
    ]


def test_serial_run_has_true_durations(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
                def slow(stack):
                    time.sleep(0.3)

                @hookimpl
                def stack_install(stack):
                    for name in "abc":
                        yield async_run(name, slow)
                    yield async_wait("a", "b", "c")
            """)
        }
    )
    stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    serial = json.loads(stack.run("timing", "--json").ok().out)
    outcome = stack.run("stack").ok()
    parallel = json.loads(stack.run("timing", "--json").ok().out)

    assert serial["parallel"] is False
    assert serial["elapsed"] >= 0.9
    assert serial["background"] == serial["wait"] == 0
    assert serial["serial"] == serial["elapsed"]
    assert serial["speedup"] == 1
    assert serial["critical_path"] >= 0.9
    assert parallel["background"] >= 0.9
    assert parallel["measured_speedup"] == pytest.approx(
        serial["elapsed"] / parallel["elapsed"], rel=0.1
    )
    assert "Measured against the last serial run" in outcome.out


def test_serial_future_that_fails_fails_its_wait(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
                def bad(stack):
                    print("about to fail")
                    sys.exit(7)

                def never(stack):
                    print("must not be run")

                @hookimpl
                def stack_install(stack):
                    yield async_run("bad", bad)
                    yield async_wait("bad")
                    yield run(never)
            """)
        }
    )

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").failed(1)

    error = "ERROR: stack install: plugin demo: step bad: future bad: failed with rc 7"
    assert error in outcome.lines
    assert outcome.lines.count("about to fail") == 1
    assert "must not be run" not in outcome.out


def test_serial_shell_future_runs_in_the_script(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
                noisy() { echo "inside $1"; variable=set; return $2; }
                if [[ "$1 $2" == "stack install" ]]; then
                    async_run a noisy 'two  words' 0
                    echo "variable is $variable"
                    async_run b noisy b 5 || true
                    echo between
                    async_wait a
                    async_wait b || echo "code $?"
                fi
            """
        }
    )

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    assert transcript(outcome) == [
        "[Async a:self]: Running synchronously: noisy two  words 0",
        "inside two  words",
        "variable is set",
        "[Async b:self]: Running synchronously: noisy b 5",
        "inside b",
        "between",
        "[Async a:self]: finished noisy two  words 0 with result 0 in N seconds",
        "[Async b:self]: finished noisy b 5 with result 5 in N seconds",
        "Stopping async wait due to error: b",
        "code 5",
    ]
    ends = {e["name"]: e["rc"] for e in outcome.journal if e["event"] == "future_end"}
    assert ends == {"a": 0, "b": 5}


def test_serial_shell_future_of_the_plan_may_fail_without_ending_the_session(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
                @hookimpl
                def stack_install(stack):
                    yield async_run("forgotten", shell("fails"))
                    yield run(shell("echo the session lives: ${left:-nothing left}"))
                    yield async_run("awaited", shell("fails"))
                    yield async_wait("awaited")
            """),
            "extras.d/40-fails.sh": "fails() { left=something; false; echo not reached; }\n",
        }
    )

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").failed(1)

    assert "the session lives: nothing left" in outcome.lines
    assert "not reached" not in outcome.out
    assert re.search(r"future awaited: /.+/50-demo\.py:\d+: exit code 1$", outcome.out, re.M)
    ends = {e["name"]: e["rc"] for e in outcome.journal if e["event"] == "future_end"}
    assert ends == {"forgotten": 1, "awaited": 1}


def test_serial_shell_future_has_its_true_duration(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
                if [[ "$1 $2" == "stack install" ]]; then
                    async_run slow sleep 0.3
                    sleep 0.3
                    async_wait slow
                fi
            """
        }
    )

    outcome = stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    (end,) = [event for event in outcome.journal if event["event"] == "future_end"]
    (collected,) = [event for event in outcome.journal if event["event"] == "collected"]
    assert end["end_time"] - end["start_time"] >= 300
    assert collected["time"] - end["end_time"] / 1000 >= 0.29, "not until it was collected"
    assert collected["waited"] == 0
