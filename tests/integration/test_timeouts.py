"""What runs for too long is stopped as a whole tree, and reported as what it is."""

import time
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir
from tests.integration.probes import is_dead, plugin

DEMO = "extras.d/50-demo.py"
TREE = """
def tree(stack, **limit):
    stack.run(["sh", "-c", "sleep 300 & echo $! >sleeper; wait"], **limit)

def asleep(stack):
    (stack.top_dir / "sleeper").write_text(str(os.getpid()))
    time.sleep(300)

def inside(stack):
    tree(stack, timeout=0.3)

def dynamic(stack):
    stack.async_run("f", asleep, timeout=0.3).result()
"""
BASH = "sleep 300 & echo $! >$TOP_DIR/sleeper; wait"

STEPS = {
    "yield run(tree, timeout=0.3)": "timed out after 0.3 s",
    "yield run(['sh', '-c', 'sleep 300 & echo $! >sleeper; wait'], timeout=0.3)": (
        "timed out after 0.3 s"
    ),
    f"yield run(shell({BASH!r}), timeout=1)": "timed out after 1 s",
    "yield run(inside)": "sh timed out after 0.3 s",
    "yield run(dynamic)": "future f: timed out after 0.3 s",
    "yield async_run('f', tree, timeout=0.3); yield async_wait('f')": (
        "future f: timed out after 0.3 s"
    ),
    "yield async_run('f', inside); yield async_wait('f')": "sh timed out after 0.3 s",
    f"yield async_run('f', shell({BASH!r}), timeout=1); yield async_wait('f')": (
        "future f: timed out after 1 s"
    ),
    f"yield run(shell('b() {{ {BASH}; }}; async_run --timeout 0.3 f b; async_wait f'))": (
        "]: timed out after 0.3 s"
    ),
}


def _is_gone(sleeper: Path) -> bool:
    return is_dead(int(sleeper.read_text()))


@pytest.mark.parametrize("body", STEPS)
def test_what_times_out_is_stopped_with_its_tree(stack_dir: MakeStackDir, body: str) -> None:
    hook = f"@hookimpl\ndef stack_install(stack):\n    {body}\n    yield run(['touch', 'no'])\n"
    stack = stack_dir({DEMO: plugin(TREE) + hook})
    began = time.monotonic()
    outcome = stack.run("stack").failed(1)
    assert STEPS[body] in outcome.out
    assert "Traceback" not in outcome.out
    assert _is_gone(stack.path / "sleeper")
    assert not (stack.path / "no").exists()
    assert time.monotonic() - began < 60


def test_one_setting_limits_all_that_has_no_limit_of_its_own(stack_dir: MakeStackDir) -> None:
    hook = """
@hookimpl
def stack_install(stack):
    yield run(["sleep", "1.5"], timeout=0)
    yield async_run("f", tree)
    yield async_wait("f")
"""
    stack = stack_dir({DEMO: plugin(TREE + hook)}, STEP_TIMEOUT="1")
    outcome = stack.run("stack").failed(1)
    assert "future f: timed out after 1 s" in outcome.out
    assert _is_gone(stack.path / "sleeper")


def test_serial_future_of_bash_has_its_own_limit(stack_dir: MakeStackDir) -> None:
    script = f"if [[ $2 == install ]]; then b() {{ {BASH}; }}; async_run --timeout 1 f b; fi\n"
    stack = stack_dir({"extras.d/50-demo.sh": script}, DEVSTACK_PARALLEL="False")
    outcome = stack.run("stack").failed(1)
    assert "future f: timed out after 1 s" in outcome.out
    assert _is_gone(stack.path / "sleeper")
