"""A signal ends a child also when it comes at the one moment at which Python drops exceptions."""

import signal
import subprocess
import sys

import pytest

from doitstack.processes.signals import RETRY_SECONDS, Interrupted, on_interrupt

SCRIPT = """
import os, signal, sys, time
from doitstack.processes import signals
from doitstack.processes.signals import raise_on_signals

signals.RETRY_SECONDS = {retry}

class Destroyed:
    def __del__(self):
        os.kill(os.getpid(), {number})
        time.sleep(0)

raise_on_signals()
try:
    Destroyed()
    print("still there", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
finally:
    print("cleaned up")
"""


# At once, it comes before the hook has returned, as it may on a busy machine.
@pytest.mark.parametrize("retry", [RETRY_SECONDS, 1e-6])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_in_a_destructor_is_raised_after_it(number: int, code: int, retry: float) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(number=int(number), retry=retry)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome.returncode == code
    assert outcome.stdout.endswith("cleaned up\n")
    assert outcome.stderr == ""


def test_other_errors_in_a_destructor_are_reported() -> None:
    script = (
        "from doitstack.processes.signals import raise_on_signals\n"
        "class Bad:\n    def __del__(self):\n        raise ValueError('mine')\n"
        "raise_on_signals(); Bad()\n"
    )

    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "ValueError: mine" in outcome.stderr


@pytest.mark.parametrize(
    ("number", "code"),
    [
        *((signal.SIGINT, 130), (signal.SIGQUIT, 131)),
        *((signal.SIGTERM, 143), (signal.SIGHUP, 129)),
    ],
)
def test_interrupt_goes_to_the_last_handler_and_then_to_the_one_before(
    number: signal.Signals, code: int
) -> None:
    outer: list[Interrupted] = []
    inner: list[Interrupted] = []
    with on_interrupt(outer.append):
        with on_interrupt(inner.append):
            signal.raise_signal(number)
        signal.raise_signal(number)
    assert [(str(error), error.code) for error in inner] == [(number.name, code)]
    assert [(str(error), error.code) for error in outer] == [(number.name, code)]


def test_handlers_are_as_before_after_an_interruption() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def stop(error: Interrupted) -> None:
        raise error

    with pytest.raises(Interrupted, match="SIGTERM"), on_interrupt(stop):
        signal.raise_signal(signal.SIGTERM)
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert after == before


IGNORED = """
import os, signal
from doitstack.processes.signals import on_interrupt, raise_on_signals

with on_interrupt(lambda error: print(error, flush=True)):
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
        os.kill(os.getpid(), number)
raise_on_signals()
os.kill(os.getpid(), signal.SIGINT)
"""


def test_what_is_ignored_stays_ignored() -> None:
    outcome = subprocess.run(
        ["sh", "-c", "trap '' INT QUIT HUP; exec \"$@\"", "sh", sys.executable, "-c", IGNORED],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stdout) == (0, "SIGTERM\n"), outcome.stderr
