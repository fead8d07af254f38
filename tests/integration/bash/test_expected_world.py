"""What plugins find and rely on in DevStack, besides its functions: files, variables, callers."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.conftest import StackDir, stack_dirs
from tests.integration.bash.repositories import Repository, enabling
from tests.integration.bash.scripts import said

SETTINGS = """\
echo "sourced by $(caller 2 | awk '{print $3}' | xargs basename)"
define_plugin demo
plugin_requires demo keystone
"""

PLUGIN = """\
echo "called by $(basename "${BASH_SOURCE[3]}")"
if [[ "$1 $2" == "stack pre-install" ]]; then
    echo "python of $($PYTHON -c 'import sys; print(sys.prefix)')"
    echo kept > $FILES/download
    source $TOP_DIR/lib/neutron_plugins/ovs_base
    bash -ec 'source $0/inc/ini-config; iniset $1 DEFAULT root_helper sudo' \\
        $TOP_DIR $DATA_DIR/agent.ini
elif [[ "$1 $2" == "stack install" ]]; then
    policy_add $DATA_DIR/policy.json demo:get '"rule:admin_api"'
    policy_add $DATA_DIR/policy.json demo:list '"rule:admin_api"'
    echo "demo-lib>=2" >> $DEST/requirements/global-requirements.txt
    pip_install() { echo "installing $*"; }
    pip_install_gr demo-lib
    pip_install_gr other-lib
elif [[ "$1 $2" == "stack post-config" ]]; then
    echo "servers at $RABBIT_HOST and $DATABASE_HOST"
    neutron_plugin_setup_interface_driver $DATA_DIR/agent.ini
    iniset /$Q_PLUGIN_CONF_FILE ml2_type_vlan network_vlan_ranges demo:1:9
    iniset $TEMPEST_CONFIG service_available demo True
    echo "PANEL = 'demo'" > $HORIZON_DIR/openstack_dashboard/local/enabled/_90_demo.py
    : > $HORIZON_DIR/openstack_dashboard/local/local_settings.d/_90_demo.py
fi
"""


class World(NamedTuple):
    """A stack with the plugin, and what its scripts printed in each run."""

    stack: StackDir
    stacked: list[str]
    unstacked: list[str]
    before_clean: dict[str, str]
    cleaned: list[str]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, served_runs: None) -> Iterator[World]:
    top = tmp_path_factory.mktemp("world")
    files = {"devstack/settings": SETTINGS, "devstack/plugin.sh": PLUGIN}
    # With it, the shell sets its defaults before the plugins of servers set theirs.
    files["devstack/override-defaults"] = ":\n"
    demo = Repository(top / "git" / "demo", files)
    with stack_dirs(top) as make:
        lines = (f"enable_plugin demo {demo.url}", "SERVICE_HOST=127.0.0.9")
        stack = make(enabling(*lines))
        stacked = said(stack.run("stack").ok())
        data = stack.dest / "data"
        written = [*data.rglob("*.ini"), *data.rglob("*.conf"), data / "policy.json"]
        before = {str(path.relative_to(data)): path.read_text() for path in written}
        unstacked, cleaned = (said(stack.run(command).ok()) for command in ("unstack", "clean"))
        yield World(stack, stacked, unstacked, before, cleaned)


def test_python_is_an_interpreter_from_the_beginning(world: World) -> None:
    assert f"python of {world.stack.dest}/venvs/stack" in world.stacked


def test_files_of_devstacks_tree_name_what_is_missing(world: World) -> None:
    (line,) = [line for line in world.stacked if "does not provide" in line]
    assert line.startswith("lib/neutron_plugins/ovs_base: doitstack does not provide _neutron_")


def test_addresses_of_servers_are_those_of_their_plugins(world: World) -> None:
    assert "servers at 127.0.0.9 and 127.0.0.9" in world.stacked


def test_requirements_of_scripts_are_installed(world: World) -> None:
    assert [line for line in world.stacked if line.startswith("installing ")] == [
        "installing demo-lib>=2",
        "installing other-lib",
    ]


def test_policies_are_added_to_a_new_file(world: World) -> None:
    rules = dict.fromkeys(("demo:get", "demo:list"), "rule:admin_api")
    assert json.loads(world.before_clean["policy.json"]) == rules


def test_options_are_written_before_their_service_is_installed(world: World) -> None:
    assert {name: text for name, text in world.before_clean.items() if name != "policy.json"} == {
        "agent.ini": "\n[DEFAULT]\ninterface_driver = null\nroot_helper = sudo\n",
        "neutron/etc/plugins/ml2/ml2_conf.ini": (
            "\n[ml2_type_vlan]\nnetwork_vlan_ranges = demo:1:9\n"
        ),
        "tempest/etc/tempest.conf": "\n[service_available]\ndemo = True\n",
    }


def test_scripts_see_which_program_sources_them(world: World) -> None:
    assert world.stacked.count("sourced by stack.sh") == 1
    assert world.stacked.count("called by stack.sh") == 5
    by = [line for line in world.unstacked if " by " in line]
    assert by == ["sourced by unstack.sh", "called by unstack.sh"]
    assert world.cleaned.count("called by clean.sh") == 1


def test_clean_leaves_only_the_clone(world: World) -> None:
    assert [path.name for path in world.stack.dest.iterdir()] == ["demo"]
    left = {path.name for path in world.stack.path.iterdir()}
    assert not left & {"files", "lib", "inc"}
