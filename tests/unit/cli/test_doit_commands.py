"""doit's own commands in a stack directory: no traceback, no internal names, 80 columns."""

import json
import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Doit


def test_list_shows_phases_in_their_order_and_nothing_internal(doit: Doit) -> None:
    code, text, err = doit("list")
    assert (code, err) == (0, "")
    names = [line.split()[0] for line in text.splitlines()]
    assert names == ["override_defaults", "source", "stack", "unstack", "clean"]


def test_list_all_shows_steps_and_fits(
    top: Path, doit: Doit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    text = doit("list", "--all")[1]
    assert "clean:database:clean_databases" in text
    assert "async_cleanup" in text
    assert max(map(len, text.splitlines())) <= 60


def test_list_as_json(doit: Doit) -> None:
    code, text, err = doit("list", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(text)
    assert {"task": "unstack", "description": "stop the stack"} in rows


def test_list_with_status_fits(doit: Doit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = doit("list", "--all", "--status")[1].splitlines()
    assert lines[0].startswith("R override_defaults ")
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("words", [("list", "-q"), ("list", "-s"), ("list", "--deps")])
def test_doits_options_of_list_work(doit: Doit, words: tuple[str, ...]) -> None:
    code, text, _ = doit(*words)
    assert code == 0
    assert "unstack" in text


@pytest.mark.parametrize("command", ["list", "info", "forget", "ignore", "reset-dep"])
def test_unknown_task_gets_a_suggestion(doit: Doit, command: str) -> None:
    code, _, err = doit(command, "unstak")
    assert code == 3
    assert err.startswith("ERROR: there is no command or task unstak; did you mean unstack?")


def test_info_prints_no_objects(doit: Doit) -> None:
    code, text, err = doit("info", "unstack:ready:stop_services")
    assert (code, err) == (1, "")
    assert "PlannedStep" not in text
    assert "ready" in text


def test_info_fits_and_loses_no_character(
    top: Path, doit: Doit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (top / "extras.d").mkdir()
    (top / "extras.d" / "50-x.py").write_text(
        f"from doitstack import hookimpl, run\n"
        f"@hookimpl\ndef stack_extra(stack):\n    yield run(print, name={'long_name_' * 12!r})\n"
    )
    wide = doit("info", "stack:extra")[1]
    monkeypatch.setenv("COLUMNS", "60")
    text = doit("info", "stack:extra")[1]
    assert max(map(len, wide.splitlines())) > 60 >= max(map(len, text.splitlines()))
    assert "".join(text.split()) == "".join(wide.split())


def test_ignore_forget_and_reset_before_the_first_run(top: Path, doit: Doit) -> None:
    assert doit("ignore", "unstack")[0] == 0
    state = json.loads((top / ".stack" / ".doit.db").read_text())
    assert state["unstack"] == {"ignore:": "1"}
    assert json.loads(doit("dumpdb")[1]) == state
    assert doit("forget", "unstack")[0] == 0
    assert doit("reset-dep")[0] == 0
    assert "ignore:" not in (top / ".stack" / ".doit.db").read_text()


def test_ignore_needs_a_task(doit: Doit) -> None:
    assert doit("ignore")[2] == "ERROR: ignore: which TASK? `doit list --all` lists them\n"


def test_dumpdb_before_the_first_run_is_empty(doit: Doit) -> None:
    assert doit("dumpdb") == (0, "{}\n", "")


def test_strace_of_a_step_is_refused(
    doit: Doit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doit("strace", "unstack")[2] == "ERROR: strace: the program strace is not installed\n"
    (tmp_path / "strace").touch(mode=0o755)
    assert doit("strace", "stack")[2] == "ERROR: strace: stack has no command to trace\n"


def test_completion_script_is_printed(doit: Doit) -> None:
    code, text, err = doit("tabcompletion")
    assert (code, err) == (0, "")
    assert "complete " in text


ECHO = """\
from doitstack import hookimpl, run

@hookimpl
def stack_install(stack):
    yield run(["true"])
"""


def test_phase_is_ignored_with_its_steps(top: Path, doit: Doit) -> None:
    (top / "extras.d").mkdir()
    (top / "extras.d" / "50-a.py").write_text(ECHO)
    out = doit("ignore", "stack:install")[1]
    assert out.splitlines() == ["ignoring stack:install", "ignoring stack:install:a:true"]
    code, out, _ = doit("stack:install")
    assert code == 0
    assert "!!> stack:install:a:true (ignored)" in out
    assert "1 ignored (`doit forget stack:install:a:true` ends that)" in out.splitlines()[-1]
    doit("forget", "stack:install")
    assert "==> stack install: a: true" in doit("stack:install")[1]


def test_list_that_cannot_be_written_is_no_error_of_a_task(
    doit: Doit, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w", buffering=1) as full:
        monkeypatch.setattr(sys, "stdout", full)
        code, _, err = doit("list", "--all")
    assert (code, err) == (
        3,
        "ERROR: list cannot continue: [Errno 28] No space left on device\n",
    )
