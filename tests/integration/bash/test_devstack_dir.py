"""DEVSTACK_DIR: a checkout of DevStack gives its own functions, under our futures and timing.

The checkout is a stand-in in its shape: a few files of functions in other words.
"""

import getpass
from pathlib import Path
from textwrap import dedent

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.bash.scripts import error_of, in_phase, install, said

pytestmark = pytest.mark.usefixtures("served_runs")

CHECKOUT = {
    "functions": """\
[[ -z "$_FUNCTIONS_OF_THEIRS" ]] || return 0
declare -r -g _FUNCTIONS_OF_THEIRS=1
FUNC_DIR=$(cd $(dirname "${BASH_SOURCE:-$0}") && pwd)
source ${FUNC_DIR}/functions-common
source ${FUNC_DIR}/inc/ini-config
source ${FUNC_DIR}/inc/async
source ${FUNC_DIR}/inc/python
function echo_summary { echo "theirs: $*"; }
""",
    "functions-common": """\
declare -A GITREPO
declare -A GITDIR
declare -r -g _TIME_BEGIN=$(date +%s)
function is_service_enabled { [[ ,$ENABLED_SERVICES, == *,$1,* ]]; }
function GetDistro { DISTRO=of-theirs; }
function start_neutron_agents { echo "agents of theirs"; }
function time_start { echo "time_start of theirs"; }
function time_stop { echo "time_stop of theirs"; }
""",
    "inc/ini-config": 'function iniset { echo "iniset of theirs: $2 $3 $4"; }\n',
    "inc/async": 'function async_run { echo "async_run of theirs"; }\n',
    "inc/python": 'function setup_develop { echo "setup_develop of theirs"; }\n',
    "lib/database": "DATABASES_OF_THEIRS=$DISTRO\n",
    "lib/stack": 'function stack_install_service { echo "theirs: $1"; }\n',
    "lib/nova": """\
NOVA_CONF_DIR=/etc/nova
NOVA_CONF=$NOVA_CONF_DIR/nova.conf
NOVA_ROOTWRAP="sudo nova-rootwrap $NOVA_CONF_DIR/rootwrap.conf"
NOVA_PLUGIN_CONF=etc/nova/plugin.ini
NOVA_GROUP=$(id -gn $STACK_USER)
""",
    "lib/keystone": """\
KEYSTONE_DIR=$DEST/keystone
KEYSTONE_WAY=${KEYSTONE_WAY:-theirs}
KEYSTONE_SERVICE_URI=http://theirs/identity
KEYSTONE_AUTH_URI=$KEYSTONE_SERVICE_URI
""",
    "stackrc": """\
RC_DIR=$(cd $(dirname "${BASH_SOURCE:-$0}") && pwd)
source $RC_DIR/functions
false
DEST=/opt/stack
DATA_DIR=${DEST}/data
STACK_USER=stack
if [[ -f $RC_DIR/localrc ]]; then
    source $RC_DIR/localrc
elif [[ -f $RC_DIR/.localrc.auto ]]; then
    source $RC_DIR/.localrc.auto
fi
REQUIREMENTS_DIR=${REQUIREMENTS_DIR:-$DEST/requirements}
GITDIR["of-theirs"]=$DEST/of-theirs
STACKRC_SAW="$TOP_DIR ${MINE:-nothing}"
REGION_NAME=${REGION_NAME:-RegionOfTheirs}
SERVICE_LISTEN_ADDRESS=${SERVICE_LISTEN_ADDRESS:-0.0.0.0}
""",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in CHECKOUT.items():
        path = tmp_path / "devstack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "devstack"


def stack_with(make: MakeStackDir, checkout: Path, body: str, settings: str = "") -> StackDir:
    local = f"[[local|localrc]]\nDEVSTACK_DIR={checkout}\n{settings}"
    return make({"local.conf": local, "extras.d/50-demo.sh": install(body)})


def test_functions_of_the_checkout_stand_in_place_of_ours(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    stack = stack_with(
        stack_dir,
        checkout,
        """
        iniset $DEST/a.ini s k v
        start_neutron_agents
        [[ $TOP_DIR == "$DEVSTACK_DIR" && $FILES == "$TOP_DIR/files" ]] && echo top
        GITDIR[x]=$DEST/x
        echo "${GITDIR[x]##*/} ${#GITDIR[@]} $DATABASES_OF_THEIRS"
        stack_install_service thing
        declare -F setup_logging || echo none of ours
        """,
    )
    assert said(stack.run("stack").ok()) == [
        *("iniset of theirs: s k v", "agents of theirs", "top", "x 2 of-theirs", "theirs: thing"),
        "none of ours",
    ]


def test_stackrc_of_the_checkout_reads_our_settings_instead_of_its_own(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    (checkout / ".localrc.auto").write_text("STALE=yes\n")
    stack = stack_with(
        stack_dir,
        checkout,
        """
        echo "$STACKRC_SAW ${STALE-fresh}"
        echo "${GITDIR[of-theirs]} ${DATA_DIR} $KEYSTONE_DIR" | sed "s,$DEST,DEST,g"
        echo "$REGION_NAME $PORT ${LIST[1]} $(hello)"
        """,
        settings="MINE=mine\nPORT=1\nLIST=(a b)\nhello() { echo hello; }\n",
    )
    assert said(stack.run("stack", PORT="2").ok()) == [
        f"{checkout} mine fresh",
        "DEST/of-theirs DEST/data DEST/keystone",
        "RegionOne 2 b hello",
    ]
    assert (checkout / ".localrc.auto").read_text() == "STALE=yes\n"


def test_override_defaults_comes_before_the_libraries_of_the_checkout(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    stack = stack_with(stack_dir, checkout, "echo $KEYSTONE_WAY")
    override = in_phase("override_defaults", "KEYSTONE_WAY=${KEYSTONE_WAY:-ours}")
    (stack.path / "extras.d" / "40-override.sh").write_text(override)
    assert said(stack.run("stack").ok()) == ["ours"]


def test_python_packages_are_installed_into_our_environment(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    stack = stack_with(
        stack_dir,
        checkout,
        """
        [[ $($PYTHON -c 'import sys; print(sys.prefix)') == $DEST/venvs/stack ]] && echo python
        mkdir $DEST/thing
        echo "name = thing" > $DEST/thing/setup.cfg
        pip_install() { echo "installing $*" | sed "s,$DEST,DEST,"; }
        setup_develop $DEST/thing
        echo "listed>=2" >> $REQUIREMENTS_DIR/global-requirements.txt
        pip_install_gr listed
        pip_install_gr other
        get_python_exec_prefix | sed "s,$DEST,DEST,"
        """,
    )
    assert said(stack.run("stack").ok()) == [
        *("python", "installing -e DEST/thing", "installing listed>=2", "installing other"),
        "DEST/venvs/stack/bin",
    ]


def test_configuration_is_where_ours_is(stack_dir: MakeStackDir, checkout: Path) -> None:
    body = """
    for name in NOVA_CONF_DIR NOVA_CONF NOVA_ROOTWRAP NOVA_PLUGIN_CONF Q_PLUGIN_CONF_FILE; do
        echo "${!name}"
    done
    echo "$STACK_USER"
    """
    stack = stack_with(stack_dir, checkout, body)
    etc = f"{stack.dest}/data/nova/etc"
    assert said(stack.run("stack").ok()) == [
        *(etc, f"{etc}/nova.conf", f"sudo nova-rootwrap {etc}/rootwrap.conf"),
        f"{etc}/plugin.ini".lstrip("/"),
        f"{stack.dest}/data/neutron/etc/plugins/ml2/ml2_conf.ini".lstrip("/"),
        getpass.getuser(),
    ]


def test_addresses_are_those_of_our_services(stack_dir: MakeStackDir, checkout: Path) -> None:
    body = 'echo "$KEYSTONE_SERVICE_URI $KEYSTONE_AUTH_URI $KEYSTONE_SERVICE_URI_V3"'
    stack = stack_with(stack_dir, checkout, body, settings="KEYSTONE_SERVICE_PORT=5111\n")
    ours = "http://127.0.0.1:5111"
    assert said(stack.run("stack").ok()) == [f"{ours} {ours} {ours}/v3"]


def test_services_are_the_stacks(stack_dir: MakeStackDir, checkout: Path) -> None:
    theirs = """
    SYSTEMCTL="sudo systemctl"
    run_process() { echo "a unit of systemd"; }
    write_uwsgi_config() { echo "a site of /etc/apache2"; }
    """
    (checkout / "functions-common").write_text(CHECKOUT["functions-common"] + dedent(theirs))
    mysql = "recreate_database() { echo at port 3306; }\nBASE_SQL_CONN=mysql://none\n"
    (checkout / "lib" / "database").write_text(mysql)
    (checkout / "lib" / "rpc_backend").write_text("get_transport_url() { echo at port 5672; }\n")
    (checkout / "lib" / "apache").write_text("APACHE_CONF_DIR=${APACHE_CONF_DIR:-/etc/apache2}\n")
    body = """
    ENABLED_SERVICES=demo
    run_process demo "$(type -P sleep) 1000"
    $SYSTEMCTL is-active devstack@demo && echo runs
    recreate_database thing
    ls $DATA_DIR/thing
    RABBIT_PASSWORD=pw RABBIT_HOST=127.0.0.9 RABBIT_PORT=5999 get_transport_url
    dirname "$(apache_site_config_for demo)" | sed "s,$DEST,DEST,"
    echo "$SERVICE_LISTEN_ADDRESS"
    """
    stack = stack_with(stack_dir, checkout, body)
    assert said(stack.run("stack").ok()) == [
        *("runs", "thing.db", "rabbit://stackrabbit:**@127.0.0.9:5999/"),
        *("DEST/apache/sites-available", "127.0.0.1"),
    ]
    stack.run("unstack").ok()


def test_mechanism_of_our_neutron_has_its_functions(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    (checkout / "lib" / "neutron").write_text("neutron_plugin_configure_common() { echo theirs; }")
    body = """
    neutron_plugin_setup_interface_driver $DEST/agent.ini
    neutron_plugin_configure_common
    is_neutron_ovs_base_plugin || echo none
    """
    said_by = said(stack_with(stack_dir, checkout, body).run("stack").ok())
    assert said_by == ["iniset of theirs: DEFAULT interface_driver null", "theirs", "none"]


def test_functions_of_stack_sh_exist(stack_dir: MakeStackDir, checkout: Path) -> None:
    body = "read_password DEMO_PASSWORD 'a prompt'\n[[ $DEMO_PASSWORD ]] && sudo echo set $USER"
    stack = stack_with(stack_dir, checkout, body)
    assert said(stack.run("stack", USER="").ok()) == [f"set {getpass.getuser()}"]


def test_missing_checkout_is_reported_before_anything_runs(
    stack_dir: MakeStackDir, tmp_path: Path
) -> None:
    outcome = stack_with(stack_dir, tmp_path / "none", "echo run").run("stack").failed(3)
    assert (
        f"ERROR: DEVSTACK_DIR={tmp_path}/none: this is not a checkout of DevStack" in outcome.lines
    )


def test_our_futures_and_timing_lie_over_theirs(stack_dir: MakeStackDir, checkout: Path) -> None:
    stack = stack_with(
        stack_dir,
        checkout,
        """
        time_start part
        async_run job start_neutron_agents
        async_wait job
        time_stop part
        """,
    )
    outcome = stack.run("stack").ok()
    lines = said(outcome)
    assert any(line.endswith(": running: start_neutron_agents") for line in lines)
    assert "agents of theirs" in lines
    assert "theirs" not in " ".join(lines).replace("agents of theirs", "")
    assert [event["component"] for event in outcome.journal if event["event"] == "time"] == ["part"]


def test_failure_inside_the_checkout_is_reported_with_its_line(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    (checkout / "functions-common").write_text("function broken {\n    false\n}\n")
    stack = stack_with(stack_dir, checkout, "broken")
    outcome = stack.run("stack").failed(1)
    assert (
        error_of(outcome) == f"{checkout}/functions-common:2: 'false' ended with code 1 (in broken)"
    )
