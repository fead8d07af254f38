"""Volumes in LVM, in a guest whose kernel has device mapper: that of this machine may not.

The tests of `in_guest` run there, without KVM.
"""

import sys
from pathlib import Path

import pytest

from doitstack.config import dest_directory
from doitstack.processes.program import run_in_future
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.shared import venvs
from tests.conftest import CHECKOUT
from tests.e2e import linux_guest
from tests.e2e.samples import needs_packages
from tests.namespaces import needs_namespaces
from tests.unit.plugins.cinder.test_plugin import make_cinder
from tests.unit.recorded_actions import RecordedActions

pytestmark = [needs_packages, needs_namespaces, pytest.mark.full, pytest.mark.timeout(2400)]

PACKAGES = (
    *("lvm2", "dmsetup", "libdevmapper1.02.1", "libdevmapper-event1.02.1", "liblvm2cmd2.03"),
    *("libaio1", "thin-provisioning-tools"),
)
"""The packages of LVM and what they need."""

PYTEST = "-m pytest -n 0 -p no:cacheprovider --color no -q -rs --timeout 1200"


def test_volumes_are_kept_by_lvm(tmp_path: Path) -> None:
    stack = make_cinder(tmp_path / "stack")
    dest_directory.claim(stack.settings)
    with stack.acting(RecordedActions(run_in_future)):
        # No more than this: nothing that runs on is started.
        venvs.install(stack, cinder.environment(stack))
    tests = f"{sys.executable} {PYTEST} tests/e2e/in_guest"
    script = f"modprobe loop && cd {CHECKOUT} && TESTS_IN_GUEST={tmp_path}/stack {tests}"
    (tmp_path / "guest").mkdir()
    outcome = linux_guest.run(tmp_path / "guest", PACKAGES, script, seconds=2000)
    assert outcome.code == 0, outcome.out
    assert " passed" in outcome.out
    assert "skipped" not in outcome.out, outcome.out
