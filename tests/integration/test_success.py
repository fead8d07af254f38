"""Only what has succeeded is good: a target of a step that failed or was killed is made again."""

import os
import signal

import pytest

from tests.conftest import MakeStackDir
from tests.integration.probes import plugin, wait_until

pytestmark = pytest.mark.usefixtures("served_runs")

WRITER = """
def write(stack):
    with open("made", "a") as made:
        print("half", file=made, flush=True)
        if Path("fail").exists():
            raise RuntimeError("the disk is bad")
        if Path("stand").exists():
            Path("standing").touch()
            time.sleep(600)
        print("whole", file=made)

def is_good(task, values):
    return not Path("stale").exists()

@hookimpl
def stack_install(stack):
    yield {step}
"""

STEPS = {
    "step": 'run(write, targets=["made"], uptodate=[True, is_good])',
    "future": 'async_run("write", write, targets=["made"], uptodate=[True, is_good])\n'
    '    yield async_wait("write")',
}


@pytest.mark.parametrize("kind", STEPS)
def test_target_of_what_failed_or_was_killed_is_made_again(
    stack_dir: MakeStackDir, kind: str
) -> None:
    stack = stack_dir({"extras.d/50-demo.py": plugin(WRITER.format(step=STEPS[kind]))})
    made = stack.path / "made"
    (stack.path / "fail").touch()
    stack.run("stack").failed(1)
    (stack.path / "fail").unlink()

    after_failure = stack.run("stack").ok()
    up_to_date = stack.run("stack").ok()

    assert "(up to date)" not in after_failure.out
    assert "demo: write (up to date)" in up_to_date.out
    assert made.read_text().split() == ["half", "half", "whole"]

    # It had succeeded before, and its target is there, when it is killed in the middle.
    (stack.path / "stale").touch()
    (stack.path / "stand").touch()
    process = stack.start("stack")
    wait_until((stack.path / "standing").exists, "the step")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    (stack.path / "stale").unlink()
    (stack.path / "stand").unlink()

    after_kill = stack.run("stack").ok()

    assert "(up to date)" not in after_kill.out
    assert made.read_text().split()[3:] == ["half", "half", "whole"]
