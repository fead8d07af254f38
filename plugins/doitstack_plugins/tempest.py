"""Tempest: installed into an environment of its own, configured for this cloud, and run.

The hooks are in `extras.d/80-tempest.py`, as DevStack's are in `extras.d/80-tempest.sh`.
"""

import shutil
from pathlib import Path

from doitstack import Stack
from doitstack.environments import Environment, remove
from doitstack.files import private_directory, write_private
from doitstack_plugins import packages
from doitstack_plugins.identity import ADMIN_PASSWORD

DEFAULT_TESTS = "tempest.api.identity.v3"

_CONF = """\
[DEFAULT]
log_file = {state}/tempest.log

[auth]
use_dynamic_credentials = true
admin_username = admin
admin_password = {password}
admin_project_name = admin
admin_domain_name = Default
tempest_roles = member
create_isolated_networks = false

[identity]
uri_v3 = {uri}
auth_version = v3
region = {region}
v3_endpoint_type = public

[oslo_concurrency]
lock_path = {state}/locks

[service_available]
cinder = false
glance = false
neutron = false
nova = false
swift = false

[validation]
run_validation = false
"""


def environment(stack: Stack) -> Environment:
    """Return tempest's virtual environment."""
    return packages.environment(stack, "tempest", "tempest")


def install_tempest(stack: Stack) -> None:
    """Make the environment and a workspace in which tempest runs."""
    packages.install(stack, environment(stack))
    _make_workspace(stack)


def is_installed(stack: Stack) -> bool:
    """Return whether the environment and the workspace are there, from the wanted versions."""
    return (_workspace(stack) / ".stestr.conf").is_file() and environment(stack).is_current()


def configure_tempest(stack: Stack) -> None:
    """Write the tempest.conf (0600) for this cloud."""
    values = {
        "state": str(_state(stack)),
        "uri": stack.settings["KEYSTONE_SERVICE_URI_V3"],
        "region": stack.settings["REGION_NAME"],
        "password": stack.password(ADMIN_PASSWORD),
    }
    # oslo.config takes a $ for the name of another option.
    escaped = {name: value.replace("$", "$$") for name, value in values.items()}
    write_private(_conf(stack), _CONF.format_map(escaped))


def run_tempest(stack: Stack, *arguments: str) -> None:
    """Run `tempest run` with `arguments`, by default the tests of the identity API.

    Raises CommandError when a test fails.
    """
    chosen = arguments or ("--regex", DEFAULT_TESTS)
    program = environment(stack).program("tempest")
    # The caller's shell may be set up for the tests of some other cloud.
    conf = {"TEMPEST_CONFIG_DIR": str(_conf(stack).parent), "TEMPEST_CONFIG": _conf(stack).name}
    env = {**_environ(stack), **conf}
    stack.run([program, "run", *chosen], cwd=_workspace(stack), env=env)


def clean_tempest(stack: Stack) -> None:
    """Remove the environment and the workspace."""
    remove(environment(stack))
    shutil.rmtree(_state(stack), ignore_errors=True)


def _make_workspace(stack: Stack) -> None:
    shutil.rmtree(_workspace(stack), ignore_errors=True)
    registry = private_directory(_state(stack)) / "workspaces.yaml"
    registry.unlink(missing_ok=True)
    program = environment(stack).program("tempest")
    words = ["init", "--workspace-path", str(registry), "--name", "devstack"]
    stack.run([program, *words, str(_workspace(stack))], cwd=_state(stack), env=_environ(stack))


def _environ(stack: Stack) -> dict[str, str]:
    # It makes a directory in the home and one, for the locks of all users, among temporary files.
    state = str(_state(stack))
    return {**packages.environ(stack), "HOME": state, "TMPDIR": state}


def _state(stack: Stack) -> Path:
    return stack.data_dir / "tempest"


def _workspace(stack: Stack) -> Path:
    return _state(stack) / "workspace"


def _conf(stack: Stack) -> Path:
    return _workspace(stack) / "etc" / "tempest.conf"
