"""Stacks with OVN."""

from pathlib import Path

import pytest

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.neutron.plugin import plugin as neutron
from doitstack_plugins.nova.plugin import plugin as nova
from doitstack_plugins.ovn.plugin import plugin as ovn
from tests.unit.recorded_actions import make_stack

SERVICES = "key,mysql,rabbit,neutron-api,ovn-controller,ovn-northd,q-ovn-agent"


def make_ovn(top_dir: Path, **environ: str) -> Stack:
    defaults = {"ENABLED_SERVICES": SERVICES, "LOCAL_HOSTNAME": "vm"}
    stack = make_stack(top_dir, **{**defaults, **environ})
    for plugin in (mariadb, rabbitmq, ovn, neutron, nova):
        plugin.source(stack.settings)
    return stack


def give_programs(monkeypatch: pytest.MonkeyPatch, directory: Path, **programs: str) -> None:
    """Put shell scripts before all other programs."""
    directory.mkdir(exist_ok=True)
    for name, script in programs.items():
        (directory / name).write_text(f"#!/bin/sh\n{script}\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:/usr/sbin:/usr/bin:/sbin:/bin")
