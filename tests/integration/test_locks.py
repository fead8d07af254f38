"""Futures with one lock never run at once, no matter what starts them and how they end."""

import os

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import is_dead, plugin, transcript, wait_until

pytestmark = pytest.mark.usefixtures("served_runs")

PYTHON = "extras.d/50-demo.py"
SCRIPT = "extras.d/60-script.sh"

WORK = '#!/bin/sh\necho "start $1" >>order\nsleep 0.03\necho "end $1" >>order\n'


def order(stack: StackDir) -> list[str]:
    return (stack.path / "order").read_text().splitlines()


def with_work(stack: StackDir) -> StackDir:
    (stack.path / "work").chmod(0o755)
    return stack


def assert_one_at_a_time(lines: list[str]) -> None:
    assert [line.replace("start", "end") for line in lines[::2]] == lines[1::2]


def test_futures_of_python_and_bash_share_a_lock(stack_dir: MakeStackDir) -> None:
    stack = with_work(
        stack_dir(
            {
                PYTHON: plugin("""
        def work(stack, name):
            subprocess.run(["./work", name])

        def more(stack):
            stack.async_run("d", work, "d", lock="apt")

        @hookimpl
        def stack_install(stack):
            yield async_run("a", work, "a", lock="apt")
            yield async_run("b", ["./work", "b"], lock="apt")
            yield async_run("c", shell("./work c"), lock="apt")
            yield run(more)
    """),
                SCRIPT: """\
            if [[ "$1 $2" == "stack install" ]]; then
                async_run --lock apt e ./work e
                async_run --lock apt f ./work f
                async_wait a b c d e f
            fi
        """,
                "work": WORK,
            }
        )
    )

    outcome = stack.run("stack").ok()

    assert_one_at_a_time(order(stack))
    assert sorted(order(stack)[::2]) == [f"start {name}" for name in "abcdef"]
    assert "[Async e:PID]: running: ./work e" in transcript(outcome)
    locks = {e["name"]: e.get("lock") for e in outcome.journal if e["event"] == "future_start"}
    assert locks == dict.fromkeys("abcdef", "apt")


def test_other_locks_and_none_do_not_wait(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def meet(stack, mine, *others):
            Path(mine).touch()
            until(lambda: all(Path(other).exists() for other in others))

        @hookimpl
        def stack_install(stack):
            yield async_run("a", meet, "a", "b", "c", lock="apt")
            yield async_run("b", meet, "b", "a", "c", lock="git")
            yield async_run("c", meet, "c", "a", "b")
            yield async_wait("a", "b", "c")
    """)
        }
    )

    stack.run("stack").ok()


def test_one_that_waits_for_a_lock_takes_no_slot(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def holder(stack):
            passing("gate")

        def waits(stack):
            pass

        def free(stack):
            until(lambda: Path(".stack/async/holder.ini").exists())
            assert not Path(".stack/async/waits.ini").exists()
            opened("gate")

        @hookimpl
        def stack_install(stack):
            yield async_run("holder", holder, lock="apt")
            yield async_run("waits", waits, lock="apt")
            yield async_run("free", free)
            yield async_wait("holder", "waits", "free")
    """)
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("-n", "2", "stack").ok()

    queued = [(e["name"], e["lock"]) for e in outcome.journal if e["event"] == "future_queued"]
    assert queued == [("waits", "apt")]


ENDS = {
    "signal": "os.kill(os.getpid(), signal.SIGKILL)",
    "exit": "os._exit(3)",
    "error": "raise ValueError",
}


@pytest.mark.parametrize("how", ENDS)
def test_lock_is_free_however_its_holder_ends(stack_dir: MakeStackDir, how: str) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(f"""
        def ends(stack):
            subprocess.Popen(["sleep", "600"], start_new_session=True)
            {ENDS[how]}

        def next_one(stack):
            print("I have it")

        def start(stack):
            first = stack.async_run("first", ends, lock="apt")
            second = stack.async_run("second", next_one, lock="apt")
            assert first.exception()
            stack.async_wait("second")

        @hookimpl
        def stack_install(stack):
            yield run(start)
    """)
        }
    )

    assert "I have it" in stack.run("stack").ok().lines
    stack.run("unstack").ok()  # ends the daemon, too


def test_lock_of_a_killed_shell_future_is_free(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
            killed() { kill -9 $BASHPID; }
            if [[ "$1 $2" == "stack install" ]]; then
                async_run --lock apt a killed
                async_run --lock apt b echo "I have it"
                async_wait a || echo "code $?"
                async_wait b
            fi
        """
        }
    )

    lines = stack.run("stack").ok().lines

    assert "code 137" in lines
    assert "I have it" in lines


def test_shell_future_that_is_killed_while_it_waits_is_out_of_the_queue(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            SCRIPT: """\
            if [[ "$1 $2" == "stack install" ]]; then
                async_run --lock apt a cat gate
                async_run --lock apt b touch never
                async_run --lock apt c echo "I have it"
                until async_pidof b >pid; do sleep 0.01; done
                kill -9 "$(<pid)"
                async_wait b || echo "code $?"
                echo go >gate
                async_wait a c
            fi
        """
        }
    )
    os.mkfifo(stack.path / "gate")

    outcome = stack.run("stack").ok()

    assert "code 137" in outcome.lines
    assert "I have it" in outcome.lines
    assert not (stack.path / "never").exists()
    assert "b" not in [e["name"] for e in outcome.journal if e["event"] == "future_start"]
    assert not list((stack.dest / "async").glob(".*.gate"))


def test_interrupt_ends_those_that_wait(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def holder(stack):
            Path("holds").touch()
            time.sleep(600)

        @hookimpl
        def stack_pre_install(stack):
            yield async_run("holder", holder, lock="apt")
            yield async_run("python", holder, lock="apt")
    """),
            SCRIPT: """\
            if [[ "$1 $2" == "stack install" ]]; then
                async_run --lock apt bash touch never
                until async_pidof bash >pid; do sleep 0.01; done
                mv pid waits
                async_wait holder
            fi
        """,
        }
    )
    process = stack.start("stack")
    wait_until((stack.path / "waits").exists, "the start")
    wait_until((stack.path / "holds").exists, "the lock")
    waits = int((stack.path / "waits").read_text())
    os.kill(waits, 0)

    process.terminate()
    out, _ = process.communicate()

    assert process.returncode == 143, out
    assert is_dead(waits)
    assert not (stack.path / "never").exists()


def test_serial_run_has_no_locks(stack_dir: MakeStackDir) -> None:
    stack = with_work(
        stack_dir(
            {
                SCRIPT: """\
            outer() { ./work outer; async_run --lock apt inner ./work inner; async_wait inner; }
            if [[ "$1 $2" == "stack install" ]]; then
                async_run --lock apt outer outer
                async_wait outer
            fi
        """,
                "work": WORK,
            }
        )
    )

    stack.run("stack", DEVSTACK_PARALLEL="False").ok()

    assert order(stack) == ["start outer", "end outer", "start inner", "end inner"]


@pytest.mark.parametrize("lock", ["'../x'", "'a b'", "'-x'"])
def test_bad_name_of_a_lock_is_refused(stack_dir: MakeStackDir, lock: str) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin(f"""
        @hookimpl
        def stack_install(stack):
            yield async_run("a", print, lock={lock})
    """)
        }
    )
    outcome = stack.run("stack").failed(3)
    assert f"bad name for a lock: {lock}" in outcome.out
    assert "Traceback" not in outcome.out

    shell = stack_dir(
        {SCRIPT: f'[[ "$1 $2" != "stack install" ]] || async_run --lock {lock} a true\n'},
        name="shell",
    )
    assert f"bad name for a lock: {lock}" in shell.run("stack").failed(1).out


def test_waiting_script_is_not_kept_waiting_by_a_future_that_needs_its_shell(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir(
        {
            PYTHON: plugin("""
        def quick(stack):
            print("done")

        @hookimpl
        def stack_pre_install(stack):
            yield async_run("needs_the_shell", shell("echo in the shell"), wait=["first"])
            yield async_run("first", shell("until [[ -e script ]]; do sleep 0.01; done"))
            yield async_run("quick", quick, wait=["first"])
    """),
            SCRIPT: """\
            if [[ "$1 $2" == "stack install" ]]; then
                touch script
                async_wait quick
            fi
        """,
        }
    )

    outcome = stack.run("-n", "1", "stack").ok()

    assert "done" in outcome.lines
    assert "in the shell" in outcome.lines
