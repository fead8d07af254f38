"""`doit unstack` and `doit clean` take away what they can, whatever is broken."""

import shutil
from pathlib import Path

import pytest

from doitstack.services.services import Services
from tests.conftest import MakeStackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

GOOD = plugin("""
    @hookimpl
    def stack_install(stack):
        yield run(serve)

    def serve(stack):
        stack.run_process("sleeper", ["sleep", "1000"])

    @hookimpl
    def unstack(stack):
        yield run(["touch", "unstacked"])
""")
BROKEN = {
    "import": ("extras.d/40-bad.py", "import nosuch\n", "No module named 'nosuch'"),
    "syntax": ("extras.d/40-bad.py", "def f(:\n", "invalid syntax"),
    "hook": (
        "extras.d/40-bad.py",
        plugin("""
            @hookimpl
            def unstack(stack):
                raise RuntimeError("boom")
        """),
        "boom",
    ),
    "script": ("extras.d/40-bad.sh", "if true; then\n", "syntax error"),
    "name": ("extras.d/60-sleeper.py", GOOD, "found twice"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_plugin_is_named_and_passed_over(stack_dir: MakeStackDir, case: str) -> None:
    name, text, reason = BROKEN[case]
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack", "--console", "quiet").ok()
    (stack.path / name).write_text(text)
    assert reason in stack.run("stack").failed(3).out

    outcome = stack.run("unstack").failed(2)

    named = [line for line in outcome.lines if line.startswith("ERROR: passed over: plugin ")]
    assert len(named) == 1
    assert "bad" in named[0] or "sleeper" in named[0]
    assert reason in named[0]
    assert (stack.path / "unstacked").exists()
    assert "running" not in stack.run("services").out
    assert "passed over" in stack.run("clean").failed(2).out
    assert not stack.dest.exists()


def test_bad_values_of_settings_are_named_and_passed_over(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack", "--console", "quiet").ok()
    (stack.path / "local.conf").write_text(
        "[[local|localrc]]\nASYNC_JOBS=many\nSTEP_TIMEOUT=5m\nOFFLINE=perhaps\n"
    )
    assert stack.run("stack").failed(3).out.count("local.conf:") == 3
    outcome = stack.run("unstack").failed(2)
    assert sum("ERROR: passed over: " in line for line in outcome.lines) == 3
    assert (stack.path / "unstacked").exists()
    assert "running" not in stack.run("services").out
    assert "passed over" in stack.run("clean").failed(2).out
    assert not stack.dest.exists()


def test_mistake_in_another_phase_is_none(stack_dir: MakeStackDir) -> None:
    bad = plugin("""
        @hookimpl
        def stack_install(stack):
            raise RuntimeError("boom")
    """)
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack", "--console", "quiet").ok()
    (stack.path / "extras.d" / "40-bad.py").write_text(bad)
    stack.run("stack").failed(3)
    stack.run("unstack").ok()
    assert (stack.path / "unstacked").exists()


def test_steps_after_one_that_fails_are_run(stack_dir: MakeStackDir) -> None:
    failing = plugin("""
        @hookimpl
        def source(settings):
            yield run(["false"])

        @hookimpl
        def unstack(stack):
            yield run(["false"])
    """)
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack", "--console", "quiet").ok()
    (stack.path / "extras.d" / "40-bad.py").write_text(failing)
    outcome = stack.run("unstack").failed(1)
    assert "source: plugin bad: step false" in outcome.out
    assert "unstack: plugin bad: step false" in outcome.out
    assert (stack.path / "unstacked").exists()


@pytest.mark.parametrize("command", ["unstack", "clean"])
def test_services_end_though_dest_is_gone(stack_dir: MakeStackDir, command: str) -> None:
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack", "--console", "quiet").ok()
    services = Services(stack.dest / "supervisor", stack.dest / "logs")
    shutil.rmtree(stack.dest)
    assert services.is_running()
    stack.run(command).ok()
    assert not services.is_running()
    stack.run("clean").ok()
    assert stack.run(command).ok().out == f"nothing to do: there is no {stack.dest}\n"


def test_stack_with_another_dest_is_named(stack_dir: MakeStackDir) -> None:
    """If DEST was changed since, `unstack` and `clean` stop nothing: they say what still runs."""
    stack = stack_dir({"extras.d/50-sleeper.py": GOOD})
    stack.run("stack").ok()
    new = str(stack.path / "new")
    runs = (
        f"the stack of this directory in {stack.dest} still runs (sleeper); "
        f"to stop it: DEST={stack.dest} doit unstack"
    )
    nothing = f"nothing to do: there is no {new}"
    assert stack.run("clean", DEST=new).ok().lines == [nothing, runs]
    assert stack.run("unstack", DEST=new).ok().lines == [nothing, runs]
    assert stack.run("services", DEST=new).ok().lines == ["no services", runs]
    Path(new).mkdir(mode=0o700)
    assert stack.run("unstack", DEST=new).ok().lines[-1] == runs
    assert "sleeper" in stack.run("services").out, "it was not touched"

    assert runs not in stack.run("unstack", DEST=str(stack.dest)).ok().out
    there = f"the stack of this directory in {stack.dest} is still there; to remove it: "
    assert stack.run("clean", DEST=new).ok().lines[-1].startswith(there)
    stack.run("clean", DEST=str(stack.dest)).ok()
    Path(new).rmdir()
    assert stack.run("clean", DEST=new).ok().lines == [nothing]
    assert not stack.dest.exists()
