"""Limits are read as the kernel prints them."""

import resource
from pathlib import Path

from fork_server.server.limits import limits


def test_limits_are_those_that_the_kernel_enforces() -> None:
    found = limits(Path("/proc/self/limits").read_text())
    assert len(found) == 14
    assert found == {number: resource.getrlimit(number) for number in found}


def test_other_lines_are_ignored() -> None:
    text = (
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max core file size        0                    unlimited            bytes     \n"
        "Max file locks            unlimited            unlimited            locks     \n"
    )
    assert limits(text) == {resource.RLIMIT_CORE: (0, resource.RLIM_INFINITY)}
