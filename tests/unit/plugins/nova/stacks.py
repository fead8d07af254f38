"""Stacks with nova."""

from pathlib import Path

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb, rabbitmq
from doitstack_plugins.nova.plugin import plugin as nova
from tests.unit.recorded_actions import make_stack

SERVICES = "key,mysql,rabbit,g-api,placement-api,neutron-api,n-api,n-cond,n-sch,n-cpu,n-api-meta"


def make_nova(top_dir: Path, **environ: str) -> Stack:
    stack = make_stack(top_dir, **{"ENABLED_SERVICES": SERVICES, "LOCAL_HOSTNAME": "vm", **environ})
    for plugin in (mariadb, rabbitmq, nova):
        plugin.source(stack.settings)
    return stack
