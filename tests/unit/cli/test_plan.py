"""`doit plan`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Doit


@pytest.fixture(autouse=True)
def _script(top: Path) -> None:
    script = top / "extras.d" / "50-demo.sh"
    script.parent.mkdir()
    script.write_text("")


def test_plan_is_a_table_of_steps(doit: Doit) -> None:
    code, out, _ = doit("plan")
    assert code == 0
    assert ["stack", "install", "demo", "50-demo.sh", "run"] in [
        line.split()[:5] for line in out.splitlines()
    ]


def test_plan_may_be_a_graph(doit: Doit) -> None:
    code, out, _ = doit("plan", "--dot")
    assert code == 0
    assert out.startswith("digraph")


def test_plan_ends_with_settings_that_nothing_uses(top: Path, doit: Doit) -> None:
    conf = top / "local.conf"
    settings = "FLAT_INTERFACES=eth0\nMINE=1\nHOST_IP=127.0.0.1\nOF_A_SECTION=x\nOF_SCRIPT=1\n"
    settings += "NOVA_BRANCH=master\nOSLOMSG_REPO=/x\nCINDER_CONF=/x\n"
    text = f"{settings}[[post-config|$OF_A_SECTION/y.conf]]\n"
    conf.write_text(f"[[local|localrc]]\n{text}")
    (top / "extras.d" / "50-demo.sh").write_text("echo $OF_SCRIPT\n")
    last = "settings in local.conf that nothing uses: FLAT_INTERFACES, MINE"
    assert doit("plan")[1].splitlines()[-1] == last


def test_plan_names_no_unused_settings_before_all_plugins_are_here(top: Path, doit: Doit) -> None:
    (top / "local.conf").write_text(f"[[local|localrc]]\nenable_plugin p {top}/none\nMINE=1\n")
    out = doit("plan")[1]
    assert "`doit stack` fetches it" in out
    assert "nothing uses" not in out


def test_mistake_of_the_stack_directory_is_exit_code_3(top: Path, doit: Doit) -> None:
    (top / "extras.d" / "60-demo.py").write_text("")
    code, out, err = doit("plan")
    assert code == 3
    assert "plugin demo: found twice" in out + err


def test_plan_as_json_for_programs(doit: Doit) -> None:
    code, out, _ = doit("plan", "--json")
    assert code == 0
    assert "stack:install:demo:50-demo.sh" in [step["task"] for step in json.loads(out)]


CHECK = """\
from doitstack import hookimpl, run

def check_moon(stack):
    raise ValueError("no moon")

@hookimpl
def stack_pre_install(stack):
    yield run(check_moon, only_looks=True)
"""


def test_exit_code_is_that_of_the_run_whose_checks_would_fail(top: Path, doit: Doit) -> None:
    (top / "extras.d" / "50-demo.sh").unlink()
    (top / "extras.d" / "50-tides.py").write_text(CHECK)
    code, out, err = doit("plan", "--json")
    assert [step["step"] for step in json.loads(out)] == ["check_moon"]
    message = "stack pre-install: plugin tides: step check_moon: ValueError: no moon\n"
    assert (code, err.endswith(f"ERROR: {message}")) == (1, True)


def test_check_whose_settings_a_script_may_change_is_a_warning(top: Path, doit: Doit) -> None:
    (top / "extras.d" / "50-tides.py").write_text(CHECK)
    code, _, err = doit("plan")
    assert (code, "WARNING: stack pre-install: plugin tides: step check_moon" in err) == (0, True)


def test_plan_has_one_form(doit: Doit) -> None:
    code, _, err = doit("plan", "--dot", "--json")
    assert (code, err) == (3, "ERROR: plan: use either --dot or --json\n")
