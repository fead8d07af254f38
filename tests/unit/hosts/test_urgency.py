"""The scheduling of processes that must not be late."""

import os
import subprocess
import sys

import pytest

from doitstack.hosts import urgency

POLICY = "os.sched_getscheduler({}) & ~os.SCHED_RESET_ON_FORK"
IMPORTS = "import os, subprocess, sys; from doitstack.hosts.urgency import *; "

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def printed(script: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS + script], stdout=subprocess.PIPE, check=True
    )
    return done.stdout.decode().split()


@needs_root
def test_process_hurries_and_what_it_starts_does_not() -> None:
    child = f"import os; print({POLICY.format(0)})"
    words = f"[sys.executable, '-c', {child!r}]"
    own = f"print({POLICY.format(0)}, flush=True)"
    out = printed(f"hurry(); {own}; subprocess.run({words}); calm(); {own}")
    assert out == [str(one) for one in (os.SCHED_RR, os.SCHED_OTHER, os.SCHED_OTHER)]


@needs_root
@pytest.mark.parametrize(("name", "policy"), [("py", os.SCHED_RR), ("sshd", os.SCHED_OTHER)])
def test_parent_hurries_if_it_has_that_name(name: str, policy: int) -> None:
    child = f"{IMPORTS}hurry_parent({name!r})"
    out = printed(f"subprocess.run([sys.executable, '-c', {child!r}]); print({POLICY.format(0)})")
    assert out == [str(policy)]


def test_refusal_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    before = os.sched_getscheduler(0)
    urgency.hurry()
    urgency.calm()
    assert os.sched_getscheduler(0) == before
