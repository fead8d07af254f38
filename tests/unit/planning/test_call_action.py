"""A failure of an action of a plugin becomes the failure of its step."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from doitstack.errors import SettingsError, StepError
from doitstack.planning.call_action import call, call_in_step, place_of, uptodate_error
from doitstack.processes.program import Program
from doitstack.steps import async_run, async_wait, run, shell


def test_result_is_returned_and_false_is_a_failure() -> None:
    assert call(max, 1, 2) == 2
    with pytest.raises(StepError, match=r"^the action returned False$"):
        call(bool, "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: async_run("late", print), "async_run(late) makes a step"),
        (lambda: async_wait("late"), "async_wait(late) makes a step"),
        (lambda: run(print), "run(print) makes a step"),
        (lambda: shell("install_late now"), "shell(install_late) makes an action"),
    ],
)
def test_action_that_makes_a_step_or_another_action_has_failed(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(StepError) as raised:
        call(make)
    place = f"{__file__}:{make.__code__.co_firstlineno}"
    verb = message.partition("(")[0]
    assert str(raised.value) == (
        f"{place}: {message}, which only a hook can yield; an action calls stack.{verb}()"
    )


def test_exit_is_a_failure() -> None:
    with pytest.raises(StepError, match=r"^the action called sys\.exit\(3\)$"):
        call_in_step(sys.exit, 3)


def test_end_of_the_process_is_a_failure() -> None:
    end = os._exit
    with pytest.raises(StepError, match=r"^the action called os\._exit\(0\)$"):
        call_in_step(lambda: os._exit(0))
    assert os._exit is end


def test_process_that_an_action_forks_may_end_itself() -> None:
    def act() -> None:
        child = os.fork()
        if child == 0:
            os._exit(7)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    codes: list[int] = []
    call_in_step(act)
    assert codes == [7]


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


def test_error_of_uptodate_has_its_place_and_others_are_raised() -> None:
    try:
        {}["lost"]
    except KeyError as error:
        said = uptodate_error(error)
    assert said.startswith(f"its uptodate raised KeyError: 'lost' ({__file__}, line ")
    with pytest.raises(ValueError, match="ours"):
        uptodate_error(ValueError("ours"))
