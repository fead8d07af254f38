"""Tempest: installed into its own environment, configured for this cloud, and run.

The hooks are in `extras.d/80-tempest.py`, as DevStack's are in `extras.d/80-tempest.sh`.
"""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.errors import StepError
from doitstack.private_files import private_directory, write_private
from doitstack.venvs import Environment
from doitstack_plugins.shared import conf_files, venvs
from doitstack_plugins.tempest import cloud_resources, conf


def environment(stack: Stack) -> Environment:
    """Return tempest's virtual environment."""
    return venvs.environment(stack, "tempest", "tempest")


def install_tempest(stack: Stack) -> None:
    """Make the environment and a workspace in which tempest runs."""
    venvs.install(stack, environment(stack))
    _make_workspace(stack)


def is_installed(stack: Stack) -> bool:
    """Return whether the environment and the workspace are there, from the wanted versions."""
    return (_workspace(stack) / ".stestr.conf").is_file() and environment(stack).is_current()


def configure_tempest(stack: Stack) -> None:
    """Write the tempest.conf (0600) for this cloud; options of scripts stay in it."""
    venvs.see_shared_packages(stack, environment(stack))
    _link_environment(stack)
    # The default stack has none of these resources.
    has_resources = stack.is_service_enabled("g-api", "n-api", "neutron")
    found = cloud_resources.find(stack) if has_resources else {}
    sections = conf.sections(stack, str(_state(stack)), found)
    before = conf_files.read(_conf(stack))
    write_private(_conf(stack), conf_files.with_others(before, sections, conf.OF_RESOURCES))


def plugins(settings: Settings) -> list[str]:
    """Return the arguments with which pip installs TEMPEST_PLUGINS: packages, and source trees."""
    words = settings.get("TEMPEST_PLUGINS").split()
    pairs = (["-e", word] if "/" in word else [word] for word in words if word != "0")
    return [word for pair in pairs for word in pair]


def run_tempest(stack: Stack, *arguments: str) -> None:
    """Run the tests that match `arguments`, by default those of the enabled services.

    If the first argument is an option, all are passed to `tempest run`. Raises CommandError if a
    test fails, StepError if tempest is not configured or an argument is no regular expression.
    """
    if not _conf(stack).is_file():
        raise StepError("tempest is not configured yet; first run doit stack")
    chosen = arguments or (conf.default_tests(stack),)
    if not chosen[0].startswith("-"):
        check_expressions(chosen)
        chosen = ("--regex", "|".join(chosen))
    program = environment(stack).program("tempest")
    # The caller's shell may be configured for the tests of another cloud.
    place = {"TEMPEST_CONFIG_DIR": str(_conf(stack).parent), "TEMPEST_CONFIG": _conf(stack).name}
    env = {**_environ(stack), **_without_our_path(stack), **place}
    stack.run([program, "run", *chosen], cwd=_workspace(stack), env=env)


def check_expressions(words: Sequence[str]) -> None:
    """Raise StepError for a word that is no regular expression, unless all are for Tempest."""
    for word in words if not words[0].startswith("-") else ():
        try:
            re.compile(word)
        except re.error as error:
            message = f"{word} is no regular expression for names of tests: {error}"
            raise StepError(message) from error


def clean_tempest(stack: Stack) -> None:
    """Remove the environment and the workspace."""
    venvs.remove(stack, environment(stack))
    shutil.rmtree(_state(stack), ignore_errors=True)


def _link_environment(stack: Stack) -> None:
    """Let scripts find the environment where DevStack has it, below Tempest's source tree."""
    for tree in stack.trees:
        link = tree.directory / ".tox" / "tempest"
        if tree.project == "tempest" and tree.is_there and not os.path.lexists(link):
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(environment(stack).path)


def _make_workspace(stack: Stack) -> None:
    shutil.rmtree(_workspace(stack), ignore_errors=True)
    registry = private_directory(_state(stack)) / "workspaces.yaml"
    registry.unlink(missing_ok=True)
    program = environment(stack).program("tempest")
    words = ["init", "--workspace-path", str(registry), "--name", "devstack"]
    stack.run([program, *words, str(_workspace(stack))], cwd=_state(stack), env=_environ(stack))


def _environ(stack: Stack) -> dict[str, str]:
    # Tempest makes a directory in HOME and, for locks, one in TMPDIR.
    state = str(_state(stack))
    return {**venvs.environ(stack), "HOME": state, "TMPDIR": state}


def _without_our_path(stack: Stack) -> dict[str, str]:
    """Return variables with which stestr's shell commands do not contain our path.

    stestr does not quote it. PATH finds the interpreter, and the lists of tests are relative.
    """
    path = stack.settings.get("PATH", os.defpath)
    bin_ = environment(stack).python.parent
    return {"PYTHON": "python", "PATH": f"{bin_}:{path}", "TMPDIR": "/proc/self/cwd"}


def _state(stack: Stack) -> Path:
    return stack.data_dir / "tempest"


def _workspace(stack: Stack) -> Path:
    return _state(stack) / "workspace"


def _conf(stack: Stack) -> Path:
    """Return the file of configuration: the setting TEMPEST_CONFIG, or DevStack's default here.

    It is not in the workspace, which is made while scripts may already write to the file.
    """
    own = stack.settings.get("TEMPEST_CONFIG")
    return Path(own) if own else _state(stack) / "etc" / "tempest.conf"
