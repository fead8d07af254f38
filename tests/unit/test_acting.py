"""Contexts in which nothing can be done."""

import pytest

from doitstack.acting import HookContext, LookContext, NoContext
from doitstack.errors import NotWhileLooking, StepError


@pytest.mark.parametrize("kind", [NoContext, HookContext])
def test_no_operation_is_there_outside_of_an_action(kind: type[NoContext]) -> None:
    with pytest.raises(StepError, match=r"^a hook declares steps and does nothing itself"):
        kind().say("hello")


def test_check_that_does_something_cannot_be_made_early() -> None:
    assert LookContext.may_look
    with pytest.raises(NotWhileLooking):
        LookContext().run("program")
