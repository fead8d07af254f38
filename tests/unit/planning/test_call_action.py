"""A failure of an action of a plugin becomes the failure of its step."""

import errno
import os
import sys
from pathlib import Path

import pytest

from doitstack.errors import SettingsError, StepError
from doitstack.planning.call_action import call, call_in_step, place_of
from doitstack.processes.program import Program
from doitstack.steps import async_run


def test_result_is_returned_and_false_is_a_failure() -> None:
    assert call(max, 1, 2) == 2
    with pytest.raises(StepError, match=r"^the action returned False$"):
        call(bool, "")


def test_action_that_makes_a_step_has_failed() -> None:
    def act() -> None:
        async_run("late", print)

    place = f"{__file__}:{act.__code__.co_firstlineno + 1}"
    with pytest.raises(StepError) as raised:
        call(act)
    assert str(raised.value) == (
        f"{place}: async_run(late) makes a step, which only a hook can yield; "
        f"an action calls stack.async_run()"
    )


def test_exit_is_a_failure() -> None:
    with pytest.raises(StepError, match=r"^the action called sys\.exit\(3\)$"):
        call_in_step(sys.exit, 3)


def test_our_errors_and_interrupts_pass() -> None:
    for error in (SettingsError("X=1"), KeyboardInterrupt()):

        def fail(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)):
            call_in_step(fail)


def test_traceback_begins_in_the_action(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> None:
        raise ValueError("broken")

    with pytest.raises(StepError, match=r"^ValueError: broken$"):
        call_in_step(act)

    shown = capsys.readouterr().err
    assert "in act\n" in shown
    assert "/call_action.py" not in shown


def test_traceback_of_a_refused_argument_ends_in_the_action(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def act() -> None:
        Program("ls -l")

    with pytest.raises(StepError, match="a list of a program and its arguments is needed"):
        call_in_step(act)

    shown = capsys.readouterr().err
    assert "in act\n" in shown
    assert "/program.py" not in shown


def test_place_is_the_last_line_that_is_not_ours_nor_pythons() -> None:
    with pytest.raises(TypeError) as raised:
        Program([])
    assert place_of(raised.value) == f" ({__file__}, line {raised.tb.tb_lineno})"
    with pytest.raises(OSError, match="nosuch") as raised_by_python:
        Path("/nosuch").read_text(encoding="utf-8")
    assert place_of(raised_by_python.value).startswith(f" ({__file__}, line ")
    assert place_of(SyntaxError("bad")) == ""


def test_arguments_that_do_not_fit_have_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepError, match="takes 0 positional arguments but 1 was given"):
        call_in_step(lambda: None, 1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("TypeError: ")


def test_what_the_machine_lacks_has_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def act() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/f")

    with pytest.raises(StepError, match=r"^OSError: \[Errno 28\] No space left on device: '/f'$"):
        call_in_step(act)
    assert capsys.readouterr().err == "OSError: [Errno 28] No space left on device: '/f'\n"
