"""Drop-ins of a stack directory, written by tests and found as users' are."""

from pathlib import Path
from textwrap import dedent

import pytest

from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.errors import PluginError
from doitstack.planning.plugin import Plugin
from doitstack.planning.plugin_discovery import find_plugins
from doitstack.stack import Stack

STACK = Stack(Settings({}, LocalSettings({}), frozenset()))
SERVICE = """
    class Service:
        services = ("key",)

        @hookimpl
        def stack_install(self, stack):
            yield run(print, "install")

        @hookimpl
        def unstack(self, stack):
            yield run(print, "stop")

        @hookimpl
        def tasks(self, stack):
            yield run(print, name="greet")

    plugin = Service()
"""
"""A drop-in whose object `plugin` has hooks for the service `key`."""

IMPORTS = "from doitstack import hookimpl, run\nfrom doitstack.errors import SettingsError\n"


def drop_in(top: Path, text: str, name: str = "50-demo.py") -> Path:
    """Write a drop-in; its own text begins in line 3."""
    path = top / "extras.d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(IMPORTS + dedent(text))
    return path


def find(top: Path) -> list[Plugin]:
    return find_plugins(top, top / "dest", ())


def refusal(top: Path) -> str:
    """Return the error with which the plugins of `top` are refused."""
    with pytest.raises(PluginError) as raised:
        find(top)
    return str(raised.value)


def enabling(services: str) -> Stack:
    return Stack(Settings({"ENABLED_SERVICES": services}, LocalSettings({}), frozenset()))
