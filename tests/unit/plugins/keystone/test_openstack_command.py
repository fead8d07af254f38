"""Where the client looks for the packages that scripts install."""

import sys
from pathlib import Path

from doitstack.venvs import Environment
from doitstack_plugins.keystone import openstack_command
from tests.unit.recorded_actions import make_stack


def test_stack_venv_is_where_scripts_install(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, STACK_VENV=str(tmp_path / "shared"))
    (path,) = openstack_command.program(stack, Environment(tmp_path / "own", ())).paths
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert path == str(tmp_path / "shared" / "lib" / f"python{version}" / "site-packages")
