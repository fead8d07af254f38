"""Stacks with guests."""

from pathlib import Path

from doitstack.stack import Stack
from doitstack_plugins.libvirt import plugin as libvirt
from tests.unit.plugins.nova.stacks import make_nova


def make_guests(top_dir: Path, **environ: str) -> Stack:
    cache = {"DOITSTACK_CACHE_DIR": str(top_dir / "cache")}
    stack = make_nova(top_dir, **{"VIRT_DRIVER": "libvirt", **cache, **environ})
    libvirt.source(stack.settings)
    return stack
