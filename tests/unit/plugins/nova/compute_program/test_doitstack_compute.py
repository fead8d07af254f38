"""The program of computes, with modules that stand in for those of nova and os-vif."""

import os
import subprocess
import sys
from pathlib import Path

from doitstack_plugins.nova.compute_program import doitstack_compute

OS_VIF = """
class PyRoute2:
    def exists(self, device):
        raise AssertionError("looks in another network")
ip_lib = PyRoute2()
"""
COMPUTE = """
import sys
def main():
    from vif_plug_ovs.ovs import ip_lib
    print(ip_lib.exists("lo"), ip_lib.exists("none"), *sys.argv)
"""


def module(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_cards_are_found_where_they_are_listed(tmp_path: Path) -> None:
    module(tmp_path / "nova/cmd/compute.py", COMPUTE)
    module(tmp_path / "vif_plug_ovs/ovs.py", OS_VIF)
    done = subprocess.run(
        [sys.executable, doitstack_compute.__file__, "--config-file=x"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True False nova-compute --config-file=x\n"
