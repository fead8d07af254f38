"""Actions that do their worst: each is a clear failure, and the run comes to its end."""

from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, Outcome
from tests.integration.probes import plugin

DEMO = "extras.d/50-demo.py"

ACTIONS = plugin(r"""
    import asyncio
    import resource

    class Dumb(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    class Trap:
        def __reduce__(self):
            return (sys.exit, (9,))

    def dumb(stack):
        raise Dumb

    def trapped(stack):
        return Trap()

    def base(stack):
        raise asyncio.CancelledError("by nobody")

    def no(stack):
        return False

    def mismatched(stack, more):
        pass

    def big(stack):
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
        return b"x" * (1 << 17)

    def talkative(stack):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        print("not a word of this can be kept")

    def refusing_forks(stack):
        def refuse():
            raise BlockingIOError(11, "Resource temporarily unavailable")

        os.fork = refuse

    def dynamic(stack):
        stack.async_run("x", base)
        stack.async_wait("x")

    def told(stack):
        print(stack.async_run("x", no).result())
""")


def _run(make: MakeStackDir, *steps: str, code: int = 1) -> Outcome:
    """Run these steps, and see that there was one run, with its end on record."""
    hook = "".join(f"    yield {step}\n" for step in steps)
    stack = make({DEMO: f"{ACTIONS}\n@hookimpl\ndef stack_install(stack):\n{hook}"})
    outcome = stack.run("stack").failed(code)
    assert outcome.out.count("Total runtime") == 1
    assert outcome.journal[-1]["event"] == "run_end"
    assert "core/doitstack" not in outcome.out, "no traceback of ours"
    return outcome


FUTURES = {
    "dumb": "Dumb: <exception str() failed>",
    "base": "CancelledError: by nobody",
    "no": "the action returned False",
    "trapped": "exit code 9",
    "big": "its result cannot be kept: [Errno 27] File too large",
    "talkative": "called os._exit(1) before its end was recorded",
    "['echo', 'a\\0b']": "echo cannot be run: embedded null byte",
}


@pytest.mark.parametrize("action", FUTURES)
def test_hostile_future_fails_clearly(stack_dir: MakeStackDir, action: str) -> None:
    future = f"async_run('x', {action})"
    outcome = _run(stack_dir, future, "async_wait('x')", "run(['touch', 'no'])")

    assert f"stack install: plugin demo: future x: {FUTURES[action]}" in outcome.out
    assert not (outcome.directory.path / "no").exists()


@pytest.mark.parametrize("action", ["dumb", "base", "big", "talkative"])
def test_uncollected_future_does_no_harm_either(stack_dir: MakeStackDir, action: str) -> None:
    outcome = _run(stack_dir, f"async_run('x', {action})", "run(['touch', 'yes'])", code=0)

    assert outcome.out.count("WARNING: uncollected async future x") == 1
    assert (outcome.directory.path / "yes").exists()


STEPS = {
    "dumb": "Dumb: <exception str() failed>",
    "base": "CancelledError: by nobody",
    "no": "the action returned False",
    "dynamic": "CancelledError: by nobody",
    "['echo', 'a\\0b']": "echo cannot be run: embedded null byte",
    "shell('echo a\\0b')": "the shell takes no command with a NUL in it: 'echo a\\x00b'",
}


@pytest.mark.parametrize("action", STEPS)
def test_step_that_does_its_worst_is_a_clear_failure(stack_dir: MakeStackDir, action: str) -> None:
    outcome = _run(stack_dir, f"run({action})", "run(['touch', 'no'])")

    headline = next(line for line in outcome.lines if line.startswith("FAILED"))
    assert headline.endswith(f": {STEPS[action]}")
    assert not (outcome.directory.path / "no").exists()


def test_future_may_return_false(stack_dir: MakeStackDir) -> None:
    assert "False" in _run(stack_dir, "run(told)", code=0).lines


def test_system_that_refuses_forks_is_a_clear_failure(stack_dir: MakeStackDir) -> None:
    why = "cannot be started: [Errno 11] Resource temporarily unavailable"
    planned = _run(stack_dir, "run(refusing_forks)", "async_run('x', base)", "async_wait('x')")
    assert f"stack install: plugin demo: future x: {why}" in planned.out
    by_step = _run(stack_dir, "run(refusing_forks)", "run(dynamic)")
    assert f"stack install: plugin demo: future x: {why}" in by_step.out


def test_session_that_cannot_start_fails_its_futures(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        @hookimpl
        def stack_install(stack):
            yield async_run("x", shell("true"))
            yield async_wait("x")
    """)
        }
    )

    outcome = stack.run("stack", PATH=str(tmp_path)).failed(1)

    why = "cannot be started: [Errno 2] No such file or directory: 'bash'"
    assert f"stack install: plugin demo: future x: {why}" in outcome.out


def test_dead_session_blocks_nothing(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(
        {
            DEMO: plugin("""
        from doitstack.processes.event_loop import EventLoop

        def waiting(stack):
            os.kill(int(Path("session").read_text()), signal.SIGKILL)
            turn, turns = EventLoop.turn, []
            EventLoop.turn = lambda loop, timeout: (turns.append(timeout), turn(loop, timeout))
            began = time.monotonic()
            stack.run(["sleep", "0.5"])
            print(f"{len(turns)} turns in {time.monotonic() - began} s")

        @hookimpl
        def stack_install(stack):
            yield run(shell("echo $BASHPID >session"))
            yield run(waiting)
    """)
        }
    )

    outcome = stack.run("stack").ok()

    (line,) = (line for line in outcome.lines if " turns in " in line)
    turns, seconds = int(line.split()[0]), float(line.split()[3])
    assert turns < 20 + 10 * seconds, "it waits five times a second"
