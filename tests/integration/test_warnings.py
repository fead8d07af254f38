"""Warnings: shown when they come up, repeated in the last lines of a run, errors for CI."""

import json

import pytest

from doitstack.config.changes_in_place import CHANGES
from tests.conftest import MakeStackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

DEMO = plugin("""
    def work(stack):
        stack.warn("python warns")

    @hookimpl
    def stack_install(stack):
        yield run(work)
        yield async_run("unused", print)
""")
SCRIPT = "[[ $1 == unstack ]] || [[ $2 != install ]] || doitstack_request warn 'bash warns'\n"
FILES = {"extras.d/50-demo.py": DEMO, "extras.d/60-more.sh": SCRIPT}
PLANNED = "future unused of plugin demo is never waited for"


def test_warnings_are_among_the_last_lines_and_in_the_journal(stack_dir: MakeStackDir) -> None:
    outcome = stack_dir(FILES).run("stack").ok()

    warnings = [PLANNED, "python warns", "bash warns"]
    assert outcome.lines[-4:-1] == [f"WARNING: {text}" for text in warnings]
    assert outcome.lines[-1].startswith("doit stack: done")
    assert [event["text"] for event in outcome.journal if event["event"] == "warning"] == warnings
    begin = next(line for line in outcome.lines if line.startswith("==> "))
    assert outcome.lines.index(f"WARNING: {PLANNED}") < outcome.lines.index(begin)


def test_warnings_can_be_errors(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(FILES, WARNINGS_AS_ERRORS="True")
    for command in ("stack", "plan"):
        assert PLANNED in stack.run(command).failed(3).out
    stack.path.joinpath("extras.d/50-demo.py").unlink()
    assert "bash warns" in stack.run("stack").failed(1).out


def test_unknown_service_runs_nothing(stack_dir: MakeStackDir) -> None:
    conf = "[[local|localrc]]\nENABLED_SERVICES=kye\nenable_service nosuch\n"
    stack = stack_dir({"local.conf": conf})
    stack.environ.pop("ENABLED_SERVICES")
    for command in ("stack", "plan"):
        out = stack.run(command).failed(3).out
        place = stack.path / "local.conf"
        assert f"{place}:2: no plugin has the service kye; did you mean key?" in out
        assert f"{place}:3: no plugin has the service nosuch" in out
    assert not stack.dest.exists()


SETTINGS = "[[ $1 != source ]] || enable_service theirs heat\n"


def test_services_without_effect_are_warned_of_at_the_end(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-demo.sh": SETTINGS}, services="zookeeper,-tempst")
    warnings = stack.run("stack").ok().lines[-5:-1]
    assert warnings == [
        "WARNING: doitstack does not have zookeeper (a coordination service); enable etcd3",
        "WARNING: disable_service tempst: no plugin has this service; did you mean tempest?",
        "WARNING: doitstack does not have heat (orchestration); add to local.conf: "
        "enable_plugin heat https://opendev.org/openstack/heat",
        "WARNING: a plugin enables the service theirs, which no plugin has",
    ]
    strict = stack.run("stack", ENABLED_SERVICES=",", WARNINGS_AS_ERRORS="True").failed(3)
    assert "the service theirs" in strict.out


BEACON = """
services = ("beacon",)

def start(stack):
    stack.run_process("beacon", ["sleep", "1000"])

@hookimpl
def stack_extra(stack):
    yield run(start)
"""


def test_service_that_is_not_enabled_any_more_is_told_of(stack_dir: MakeStackDir) -> None:
    stack = stack_dir({"extras.d/50-beacon.py": plugin(BEACON)}, services="beacon")
    warning = "WARNING: service beacon is not enabled, but still runs; to end it: doit unstack"
    assert warning not in stack.run("stack").ok().out
    assert warning in stack.run("stack", ENABLED_SERVICES=",").ok().out
    stack.run("unstack").ok()
    assert warning not in stack.run("stack", ENABLED_SERVICES=",").ok().out


def test_files_that_a_crash_of_the_machine_may_have_damaged_are_named_once(
    stack_dir: MakeStackDir,
) -> None:
    stack = stack_dir({"extras.d/50-ini.sh": '[[ $2 != install ]] || iniset "$DEST/f" a x "$$"'})
    stack.run("stack").ok()
    changes = stack.dest / CHANGES
    assert not changes.exists()
    damaged = f"{stack.dest}/f may be damaged: the machine crashed while a script was changing it"
    changes.write_text(json.dumps({"boot": "earlier", "files": [f"{stack.dest}/f"]}))
    assert damaged in stack.run("stack").ok().out
    assert "damaged" not in stack.run("stack").ok().out
    assert "x = " in (stack.dest / "f").read_text()
