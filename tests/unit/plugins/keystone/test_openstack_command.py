"""The environment of the client, and the packages that scripts install."""

import subprocess
import sys
import venv
from pathlib import Path

from doitstack.venvs import Environment
from doitstack_plugins.keystone import openstack_command
from tests.unit.recorded_actions import make_stack


def test_client_sees_what_scripts_install_later_but_has_its_own_first(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key")
    environment = Environment(stack.dest / "venvs" / "keystone", ())
    venv.create(environment.path, symlinks=True)
    openstack_command.see_extensions(stack, environment)
    (path,) = openstack_command.program(stack, environment).paths
    Path(path).mkdir(parents=True)
    for name in ("both.py", "extension.py"):
        (Path(path) / name).write_text("origin = 'the scripts'\n")
    (environment.site_packages / "both.py").write_text("origin = 'the client'\n")

    words = "import both, extension; print(both.origin, '-', extension.origin)"
    said = subprocess.check_output([environment.python, "-c", words], text=True)

    assert said == "the client - the scripts\n"


def test_stack_venv_is_where_scripts_install(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, STACK_VENV=str(tmp_path / "shared"))
    (path,) = openstack_command.program(stack, Environment(tmp_path / "own", ())).paths
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert path == str(tmp_path / "shared" / "lib" / f"python{version}" / "site-packages")
