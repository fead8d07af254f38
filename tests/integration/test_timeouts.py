"""What runs for too long is stopped as a whole tree, and reported as what it is."""

from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, Outcome, StackDir
from tests.integration.probes import is_dead, plugin

DEMO = "extras.d/50-demo.py"
TREE = """
def tree(stack, **limit):
    stack.run(["sh", "-c", "sleep 300 & echo $! >sleeper; wait"], **limit)

def asleep(stack):
    (stack.top_dir / "sleeper").write_text(str(os.getpid()))
    time.sleep(300)

def inside(stack):
    tree(stack, timeout=LIMIT)

def dynamic(stack):
    stack.async_run("f", asleep, timeout=LIMIT).result()
"""
BASH = "sleep 300 & echo $! >$TOP_DIR/sleeper; wait"


LIMITS = (1, 10, 100)
"""Seconds; on a busy machine, something may end in the first before it has started anything."""

STEPS = {
    "yield run(tree, timeout=LIMIT)": "timed out after LIMIT s",
    "yield run(['sh', '-c', 'sleep 300 & echo $! >sleeper; wait'], timeout=LIMIT)": (
        "timed out after LIMIT s"
    ),
    f"yield run(shell({BASH!r}), timeout=LIMIT)": "timed out after LIMIT s",
    "yield run(inside)": "sh timed out after LIMIT s",
    "yield run(dynamic)": "future f: timed out after LIMIT s",
    "yield async_run('f', tree, timeout=LIMIT); yield async_wait('f')": (
        "future f: timed out after LIMIT s"
    ),
    "yield async_run('f', inside); yield async_wait('f')": "sh timed out after LIMIT s",
    f"yield async_run('f', shell({BASH!r}), timeout=LIMIT); yield async_wait('f')": (
        "future f: timed out after LIMIT s"
    ),
    f"yield run(shell('b() {{ {BASH}; }}; async_run --timeout LIMIT f b; async_wait f'))": (
        "]: timed out after LIMIT s"
    ),
}


def _timed_out(stack: StackDir, name: str, text: str, **environ: str) -> tuple[Outcome, str]:
    """Run a stack with the first limit in which the tree came to stand; return that, too.

    `text` is the plugin `name`, in which LIMIT stands for the limit.
    """
    sleeper = stack.path / "sleeper"
    for limit in map(str, LIMITS):
        (stack.path / name).write_text(text.replace("LIMIT", limit))
        values = {key: value.replace("LIMIT", limit) for key, value in environ.items()}
        outcome = stack.run("stack", **values).failed(1)
        if sleeper.exists() and sleeper.read_text().strip():
            return outcome, limit
    pytest.fail(f"nothing has started in {LIMITS[-1]} s:\n{outcome.out}")


def _is_gone(sleeper: Path) -> bool:
    return is_dead(int(sleeper.read_text()))


@pytest.mark.parametrize("body", STEPS)
def test_what_times_out_is_stopped_with_its_tree(stack_dir: MakeStackDir, body: str) -> None:
    hook = f"@hookimpl\ndef stack_install(stack):\n    {body}\n    yield run(['touch', 'no'])\n"
    stack = stack_dir({DEMO: ""})
    outcome, limit = _timed_out(stack, DEMO, plugin(TREE) + hook)
    assert STEPS[body].replace("LIMIT", limit) in outcome.out
    assert "Traceback" not in outcome.out
    assert _is_gone(stack.path / "sleeper")
    assert not (stack.path / "no").exists()


def test_one_setting_limits_all_that_has_no_limit_of_its_own(stack_dir: MakeStackDir) -> None:
    hook = """
@hookimpl
def stack_install(stack):
    yield run(["sleep", "LIMIT.5"], timeout=0)
    yield async_run("f", tree)
    yield async_wait("f")
"""
    stack = stack_dir({DEMO: ""})
    outcome, limit = _timed_out(stack, DEMO, plugin(TREE + hook), STEP_TIMEOUT="LIMIT")
    assert f"future f: timed out after {limit} s" in outcome.out
    assert _is_gone(stack.path / "sleeper")


def test_serial_future_of_bash_has_its_own_limit(stack_dir: MakeStackDir) -> None:
    script = f"if [[ $2 == install ]]; then b() {{ {BASH}; }}; async_run --timeout LIMIT f b; fi\n"
    name = "extras.d/50-demo.sh"
    stack = stack_dir({name: ""}, DEVSTACK_PARALLEL="False")
    outcome, limit = _timed_out(stack, name, script)
    assert f"future f: timed out after {limit} s" in outcome.out
    assert _is_gone(stack.path / "sleeper")
