"""Cinder's driver for LVM with our target, as the stack configures it, with thin and thick volumes.

`test_lvm.py` installs cinder, and runs this test in a guest that has device mapper.
"""

import configparser
import os
import subprocess
from pathlib import Path

from doitstack.processes.program import run_in_future
from doitstack_plugins.cinder.plugin import plugin as cinder
from doitstack_plugins.libvirt import node
from doitstack_plugins.lvm import volume_groups
from tests.unit.plugins.cinder.test_plugin import make_cinder
from tests.unit.recorded_actions import RecordedActions


def test_volumes_are_made_connected_copied_extended_and_deleted() -> None:
    top_dir = Path(os.environ["TESTS_IN_GUEST"])
    stack = make_cinder(top_dir, CINDER_ENABLED_BACKENDS="lvm:thin,lvm:thick")
    with stack.acting(RecordedActions(run_in_future)):
        volume_groups.prepare(stack, 8 * 2**30)
        cinder.configure(stack)
        conf = cinder.conf_dir(stack) / "cinder.conf"
        make_thick(conf)
        path = f"{Path(node.__file__).with_name('programs')}:{os.environ['PATH']}"
        script = Path(__file__).with_name("use_cinder_driver.py")
        words = [cinder.environment(stack).python, script, conf, "thin", "thick"]
        environ = {**os.environ, **cinder.environ(stack), "PATH": path}
        done = subprocess.run(words, env=environ, check=False)
        volume_groups.remove(stack)
    assert done.returncode == 0
    assert volume_groups.devices(stack) == {}


def make_thick(conf: Path) -> None:
    """Let the second back end have thick volumes, of which only the beginning is cleared."""
    parser = configparser.RawConfigParser()
    parser.read(conf)
    assert parser["thin"]["lvm_type"] == "auto"
    parser["thick"].update({"lvm_type": "default", "volume_clear_size": "1"})
    with conf.open("w") as file:
        parser.write(file)
