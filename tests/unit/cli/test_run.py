"""`doit TASK...`: options and tasks that are refused before anything runs."""

from pathlib import Path

import pytest
from doit.cmd_base import DodoTaskLoader

from doitstack.cli.run import Run
from doitstack.engine.doit_state import AtomicJsonDB
from tests.unit.cli.conftest import Doit


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-n", "-1", "stack"), "-n -1: use a whole number, 0 or more"),
        (("-n", "9" * 20, "stack"), f"-n {'9' * 20}: use 4096 at most, or 0 for no limit"),
        (("stack:install:nobody:nothing",), "stack:install:nobody:nothing"),
        (("no-such-task",), "no-such-task"),
        (("stack:instal",), "did you mean stack:install?"),
        (("-v", "2", "stack"), "--verbosity=2 has no effect here; --console selects"),
        (("stack", "-o", "file"), "--output-file=file has no effect here"),
        (("-r", "json", "stack"), "--reporter=json has no effect here"),
        (("stack", "-P", "thread"), "--parallel-type=thread has no effect here"),
        (("--failure-verbosity=1", "stack"), "--failure-verbosity=1 has no effect here"),
        (("--pdb", "stack"), "--pdb has no effect here"),
    ],
)
def test_mistakes_run_nothing(top: Path, doit: Doit, words: tuple[str, ...], message: str) -> None:
    code, out, err = doit(*words)
    assert code == 3
    assert message in out + err
    assert not (top / ".stack" / "logs").exists()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("stack", "ADMIN_PASSWORD=geheim"), "ADMIN_PASSWORD"),
        (("ASYNC_JOBS=geheim", "stack"), "ASYNC_JOBS"),
        (("clean", "ADMIN_PASSWORD=geheim"), "ADMIN_PASSWORD"),
        (("plan", "ASYNC_JOBS=geheim"), "ASYNC_JOBS"),
        (("forget", "DEST=geheim"), "DEST"),
        (("DEST=geheim", "log"), "DEST"),
    ],
)
def test_setting_among_the_words_is_refused_without_its_value(
    top: Path,
    doit: Doit,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    name: str,
) -> None:
    monkeypatch.setattr("sys.argv", ["doit", *words])
    code, out, err = doit(*words)
    assert code == 3
    assert f"{name}=... has no effect here; set it before the command, {name}=... doit" in out + err
    assert "geheim" not in out + err
    assert not (top / ".stack" / "logs").exists()


def test_state_is_written_atomically() -> None:
    assert Run(task_loader=DodoTaskLoader()).get_backends()["json"] is AtomicJsonDB


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("stack", "unstak"), "unstak; did you mean unstack?"),
        (("unstack", "stack:instal"), "stack:instal; did you mean stack:install?"),
        (("stack", "unstack", "nosuch"), "nosuch"),
        (("stack", "--", "--x"), "--x"),
    ],
)
def test_later_task_that_does_not_exist_is_refused_before_the_first_runs(
    top: Path, doit: Doit, words: tuple[str, ...], name: str
) -> None:
    code, out, err = doit(*words)
    assert (code, f"there is no command or task {name}" in err) == (3, True)
    assert not (top / ".stack").exists(), out


OFFER = """\
from doitstack import hookimpl, run
from doitstack.errors import StepError

def act(stack, *words): ...

def check_arguments(task, words):
    if "(" in words:
        raise StepError(f"{task} takes no (")

@hookimpl
def tasks(stack):
    yield run(act, name="look")
"""


def test_arguments_of_a_later_task_are_refused_before_the_first_runs(top: Path, doit: Doit) -> None:
    (top / "extras.d").mkdir(exist_ok=True)
    (top / "extras.d" / "50-look.py").write_text(OFFER)
    code, out, err = doit("unstack", "stack", "look", "x", "(")
    assert (code, "look takes no (" in err, "Traceback" in err) == (3, True, False), out + err
    assert not (top / ".stack" / "logs").exists()
