"""The checks of a plan before anything runs."""

from pathlib import Path

import pytest

from doitstack.planning.plan_checks import failed_checks
from doitstack.planning.stack_directory import StackDirectory

PLUGIN = """\
from doitstack import hookimpl, run, shell
from doitstack.errors import StepError

def fail(stack):
    print("looks")
    raise StepError("tides need a moon")

def crash(stack):
    1 / 0

def holds(stack):
    stack.output_of(["true"])
    stack.services.status()

@hookimpl
def stack_pre_install(stack):
    yield {step}

@hookimpl
def stack_install(stack):
    yield run(fail, only_looks=True)
"""


def failed(tmp_path: Path, step: str) -> list[str]:
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-tides.py").write_text(PLUGIN.replace("{step}", step))
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ","})
    found = list(failed_checks(directory.plan(), directory.stack))
    assert not (tmp_path / ".stack").exists()
    return found


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ("run(fail, only_looks=True)", "fail: tides need a moon"),
        ("run(crash, only_looks=True)", "crash: ZeroDivisionError: division by zero"),
        ("run(['false'], only_looks=True)", "false: false ended with code 1; its output is above"),
        ("run(bool, only_looks=True)", None),
        ("run(holds, only_looks=True)", None),
    ],
)
def test_failed_check_is_told_as_by_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: str, why: str | None
) -> None:
    expected = [f"stack pre-install: plugin tides: step {why}"] if why else []
    assert failed(tmp_path, step) == expected
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "step",
    [
        "run(fail)",
        "run(holds); yield run(fail, only_looks=True)",
        "run(fail, only_looks=True, uptodate=[True])",
        "run(shell('false'), only_looks=True)",
        "run(lambda stack: stack.run(['false']), only_looks=True)",
        "run(lambda stack: stack.password('MOON_PASSWORD'), only_looks=True)",
        "run(lambda stack: stack.run_process('moon', ['false']), only_looks=True)",
        "run(lambda stack: stack.stop_process('moon'), only_looks=True)",
    ],
)
def test_what_may_do_more_than_look_is_passed_over(tmp_path: Path, step: str) -> None:
    assert failed(tmp_path, step) == []
