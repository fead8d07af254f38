"""Commands that look at Open vSwitch."""

from pathlib import Path

import pytest

from doitstack_plugins.ovn import commands
from tests.unit.plugins.ovn.stacks import make_ovn


@pytest.mark.parametrize(
    ("words", "is_good"), [(["true"], True), (["false"], False), (["no-such-program"], False)]
)
def test_a_command_that_succeeds(words: list[str], is_good: bool) -> None:
    assert commands.succeeds(*words) == is_good


def test_what_a_command_prints_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    assert commands.succeeds("sh", "-c", "echo out; echo err >&2")
    assert capfd.readouterr() == ("", "")


def test_commands_use_the_databases_of_the_stack(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    root = f"{tmp_path}/.stack/data/ovn"
    assert commands.node(stack, "show")[:2] == ["ovs-vsctl", f"--db=unix:{root}/conf.sock"]
    assert commands.northbound(stack, "show")[:2] == ["ovn-nbctl", f"--db=unix:{root}/nb.sock"]


def test_programs_of_the_stack_use_its_databases(tmp_path: Path) -> None:
    stack = make_ovn(tmp_path)
    commands.offer(stack)
    programs = {path.name: path for path in (stack.dest / "bin").iterdir()}
    assert {"ovs-vsctl", "ovn-nbctl", "ovn-sbctl", "ovs-ofctl"} <= set(programs)
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in programs.values())
    root = f"{tmp_path}/.stack/data/ovn"
    assert programs["ovn-sbctl"].read_text() == (
        f"#!/bin/sh\nexport OVS_RUNDIR={root} OVN_RUNDIR={root}\n"
        f'exec /usr/bin/ovn-sbctl --db=unix:{root}/sb.sock "$@"\n'
    )
