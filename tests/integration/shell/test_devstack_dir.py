"""DEVSTACK_DIR: a checkout of DevStack gives its own functions, under our futures and timing.

The checkout is a stand-in in its shape: a few files of functions in other words.
"""

from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.integration.shell.scripts import error_of, install, said

CHECKOUT = {
    "functions": """\
FUNC_DIR=$(cd $(dirname "${BASH_SOURCE:-$0}") && pwd)
source ${FUNC_DIR}/functions-common
source ${FUNC_DIR}/inc/ini-config
source ${FUNC_DIR}/inc/async
function echo_summary { echo "theirs: $*"; }
""",
    "functions-common": """\
declare -A GITREPO
declare -A GITDIR
function is_service_enabled { [[ ,$ENABLED_SERVICES, == *,$1,* ]]; }
function start_neutron_agents { echo "agents of theirs"; }
function time_start { echo "time_start of theirs"; }
function time_stop { echo "time_stop of theirs"; }
""",
    "inc/ini-config": 'function iniset { echo "iniset of theirs: $2 $3 $4"; }\n',
    "inc/async": 'function async_run { echo "async_run of theirs"; }\n',
    "lib/keystone": "KEYSTONE_OF_THEIRS=yes\n",
    "stackrc": "source $TOP_DIR/lib/none 2>/dev/null || true\nSTACKRC_SAW=$TOP_DIR\n",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in CHECKOUT.items():
        path = tmp_path / "devstack" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "devstack"


def stack_with(make: MakeStackDir, checkout: Path, body: str) -> StackDir:
    local = f"[[local|localrc]]\nDEVSTACK_DIR={checkout}\n"
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
        echo "${KEYSTONE_OF_THEIRS} ${#GITREPO[@]}"
        [[ $TOP_DIR == "$DEVSTACK_DIR" && $STACKRC_SAW == "$TOP_DIR" ]] && echo top
        GITDIR[x]=$DEST/x
        echo "${GITDIR[x]##*/}"
        declare -F pip_install write_uwsgi_config || echo none of ours
        """,
    )
    assert said(stack.run("stack").ok()) == [
        *("iniset of theirs: s k v", "agents of theirs", "yes 0", "top", "x", "none of ours")
    ]


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
    assert lines[0].endswith(": running: start_neutron_agents")
    assert "agents of theirs" in lines
    assert "theirs" not in " ".join(lines).replace("agents of theirs", "")
    assert [event["component"] for event in outcome.journal if event["event"] == "time"] == ["part"]


def test_failure_inside_the_checkout_is_told_with_its_line(
    stack_dir: MakeStackDir, checkout: Path
) -> None:
    (checkout / "functions-common").write_text("function broken {\n    false\n}\n")
    stack = stack_with(stack_dir, checkout, "broken")
    outcome = stack.run("stack").failed(1)
    assert (
        error_of(outcome) == f"{checkout}/functions-common:2: 'false' ended with code 1 (in broken)"
    )
