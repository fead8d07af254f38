"""The library as a whole: how it is sourced, its functions, and its page."""
# ruff: noqa: E501 - a line of bash stays a line

import re
import shutil
import subprocess

import pytest

from tests.unit.bash.conftest import LIBRARY, SHELL

DOCS = LIBRARY.parents[3] / "docs" / "shell-functions.md"


def _functions(bash) -> set[str]:
    names = {line.split()[-1] for line in bash("declare -F").lines}
    return names - {"command_not_found_handle"}


def test_library_is_quick_to_source(bash) -> None:
    # A thousand commands of bash itself take 15 ms; a process would take as long as a hundred.
    script = f"""
    set -T; trap '((++commands)); [[ $BASH_SUBSHELL == 0 ]] || echo subshell' DEBUG
    source {LIBRARY}
    trap - DEBUG; echo $commands
    """
    env = {"PATH": "/nowhere"}
    done = subprocess.run(["/bin/bash", "-c", script], env=env, stdout=-1, stderr=-2, check=True)
    assert 100 < int(done.stdout) < 2000


def test_library_may_be_sourced_twice(bash) -> None:
    bash("iniset() { echo mine; }; source $_DOITSTACK_LIBRARY/library.sh; [[ $(iniset) == mine ]]")


@pytest.mark.parametrize("options", ["-eu", "-x", "-e -o posix", "+e"])
def test_library_may_be_sourced_under_any_options(bash, options: str) -> None:
    text = f'set {options}; before=$-; source "{LIBRARY}"; [[ $- == "$before" ]] && enable_service a && echo fine'
    done = subprocess.run(
        ["bash", "-c", text], env=bash.env, capture_output=True, text=True, check=True
    )
    assert done.stdout == "fine\n"


def test_library_needs_only_bash_and_coreutils(bash) -> None:
    done = subprocess.run(
        ["/bin/bash", "-c", f"source {LIBRARY}; declare -F iniset"],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("iniset\n", "", 0)


def test_passwords_and_environments_need_coreutils_alone(bash) -> None:
    for name in ("mkdir", "od", "rm", "cat"):
        (bash.path / "only").mkdir(exist_ok=True)
        (bash.path / "only" / name).symlink_to(shutil.which(name))
    script = """
    PATH=$PWD/only; read_password THING_PASSWORD ask; [[ $THING_PASSWORD ]]
    _make_venv() { mkdir -p "$1"; }; _ensure_venv "$DEST/venvs/x"; [[ -d $DEST/venvs/x ]]
    """
    assert bash(script).err == ""


def test_missing_function_fails_with_a_message(bash) -> None:
    for name in ("configure_libvirt", "compile_ovs"):
        done = bash(f"{name} x", code=127)
        assert done.err == f"{name}: DevStack function that doitstack does not provide\n"


def test_plugin_may_define_a_missing_function(bash) -> None:
    assert bash.says("compile_ovs() { echo mine; }; compile_ovs") == "mine"


def test_other_commands_are_not_found_as_ever(bash) -> None:
    assert bash("compile_ovss", code=127).err == "compile_ovss: command not found\n"


@pytest.mark.parametrize("loaded", ["yes", ""])
def test_file_of_devstack_names_the_functions_that_are_missing(bash, loaded: str) -> None:
    file = bash.path / "top" / "lib" / "neutron_plugins" / "ovs_base"
    file.parent.mkdir(parents=True)
    file.symlink_to(SHELL / "devstack_file.sh")
    script = f"""
    [[ "{loaded}" ]] || unset _DOITSTACK_LIBRARY
    neutron_plugin_configure_common; is_neutron_ovs_base_plugin() {{ :; }}
    source {file}
    """
    (line,) = bash(script).lines
    assert line.startswith("lib/neutron_plugins/ovs_base: doitstack does not provide _neutron_")
    assert "_neutron_ovs_base_configure_l3_agent" in line
    assert "_neutron_ovs_base_setup_bridge" not in line
    assert "is_neutron_ovs_base_plugin" not in line
    assert "neutron_plugin_configure_common" not in line


def test_page_lists_every_function(bash) -> None:
    provided, _ = DOCS.read_text().split("## Not provided")
    ours = {name for name in _functions(bash) if not name.startswith(("_", "async_", "time_"))}
    listed = set(re.findall(r"`([A-Za-z]\w*)`", provided.split("## Provided")[1]))
    # Our `sudo` is defined only where root has none of the machine's.
    assert listed == ours | {"sudo"}


def test_every_function_is_called_by_a_test(bash) -> None:
    tests = LIBRARY.parents[3].glob("tests/unit/bash/test_*.py")
    words = {word for path in tests for word in re.findall(r"\w+", path.read_text())}
    public = {name for name in _functions(bash) if not name.startswith(("_", "async_", "time_"))}
    assert public - words == set()
