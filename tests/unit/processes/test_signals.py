"""A signal ends a child also when it comes at the one moment at which Python drops exceptions."""

import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys, time
from doitstack.processes.signals import raise_on_signals

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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_in_a_destructor_is_raised_after_it(number: int, code: int) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(number=int(number))],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert outcome.returncode == code
    assert outcome.stdout.endswith("cleaned up\n")
    assert outcome.stderr == ""


def test_other_errors_in_a_destructor_are_told_as_ever() -> None:
    script = (
        "from doitstack.processes.signals import raise_on_signals\n"
        "class Bad:\n    def __del__(self):\n        raise ValueError('mine')\n"
        "raise_on_signals(); Bad()\n"
    )

    outcome = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )

    assert "ValueError: mine" in outcome.stderr
