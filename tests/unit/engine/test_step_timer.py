"""A step is interrupted once its time is up, and nothing after it is."""

import pytest

from doitstack.engine.step_timer import StepTimer
from doitstack.errors import StepTimeoutError
from doitstack.processes.event_loop import EventLoop
from doitstack.processes.signals import Interrupted


def test_step_is_interrupted_once_its_time_is_up() -> None:
    loop = EventLoop()
    timer = StepTimer(loop)
    with (
        pytest.raises(StepTimeoutError, match=r"^timed out after 1e-09 s$"),
        timer.limited(1e-9),
        loop.interruptible(),
    ):
        timer.tick()


def test_step_without_a_limit_is_not_interrupted() -> None:
    loop = EventLoop()
    timer = StepTimer(loop)
    timer.tick()
    with timer.limited(0), loop.interruptible():
        timer.tick()
    assert not loop.is_interrupted


def test_what_comes_too_late_interrupts_no_later_step_but_a_signal_stays() -> None:
    loop = EventLoop()
    timer = StepTimer(loop)
    with timer.limited(1e-9):
        timer.tick()
        assert loop.is_interrupted
    assert not loop.is_interrupted
    with timer.limited(1e-9):
        loop.interrupt(Interrupted(2))
        timer.tick()
    assert isinstance(loop.take_interruption(), Interrupted)
