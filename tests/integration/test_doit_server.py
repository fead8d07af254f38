"""What other tests rely on: the fork server of `doit`, and an environment without settings."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, DOIT, MakeStackDir, StackDir
from tests.integration.probes import plugin, transcript

FILES = {
    "extras.d/50-demo.py": plugin("""
        @hookimpl
        def stack_install(stack):
            yield async_run("made", lambda stack: print(sys.argv, sorted(os.environ)))
            yield async_wait("made")
            yield run(lambda stack: print(sys.stdout.encoding, os.getcwd()), name="told")
    """),
    "extras.d/60-script.sh": "echo $* $(ulimit -n) $(umask)\n",
}


def test_served_call_says_what_the_command_says(
    stack_dir: MakeStackDir, doit_client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_dir(FILES)

    def said() -> list[tuple[int, list[str]]]:
        calls = [("stack",), ("list", "--all"), ("log", "made"), ("nosuch",)]
        outcomes = [stack.run(*call) for call in calls]
        # A future says that it runs before or after the main line says that it waits.
        return [(outcome.code, sorted(transcript(outcome))) for outcome in outcomes]

    direct = said()
    monkeypatch.setattr(StackDir, "program", doit_client)
    assert said() == direct


def test_calls_are_served(served_runs: None, doit_client: str, stack_dir: MakeStackDir) -> None:
    assert StackDir.program == doit_client != DOIT
    log = Path(doit_client).with_name("log")
    before = log.read_text()  # other tests make calls that are left to the command
    assert before.startswith("ready\n")
    stack_dir(FILES).run("stack").ok()
    assert log.read_text() == before


def test_programs_have_none_of_the_developers_settings_of_python() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import tests.conftest, os; print(*os.environ)"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": "/nowhere", "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "PYTHON" not in shown.stdout
