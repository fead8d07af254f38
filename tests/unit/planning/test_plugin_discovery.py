"""Plugins are found and put in order."""

from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from doitstack import run
from doitstack.config.local_conf import PluginRepository
from doitstack.errors import PluginError
from doitstack.hookspecs import hookimpl
from doitstack.planning import plugin_discovery as module
from doitstack.planning.plugin_discovery import find_plugins
from doitstack.steps import Step
from tests.unit.planning.drop_ins import IMPORTS, SERVICE, STACK, drop_in, enabling, find


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name

    def read_text(self, _file: str) -> str:
        return f"Name: {self.name}\n"


class Entry:
    """An entry point as importlib.metadata gives it."""

    def __init__(self, name: str, distribution: str, loaded: object) -> None:
        self.name, self.value = name, f"{name}_module"
        self.dist = Distribution(distribution)
        self._loaded = loaded

    def load(self) -> object:
        if isinstance(self._loaded, Exception):
            raise self._loaded
        return self._loaded


class Hooks:
    @hookimpl
    def stack_install(self) -> list[Step]:
        return []


def _install(monkeypatch: pytest.MonkeyPatch, *entries: Entry | EntryPoint) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: list(entries))


def test_in_tree_services_come_first_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(
        monkeypatch,
        Entry("theirs", "other-package", Hooks()),
        Entry("20-nova", "doitstack", Hooks()),
        Entry("10-keystone", "doitstack", Hooks()),
    )
    drop_in(tmp_path, "", "00-first.sh")

    found = find(tmp_path)

    assert [(plugin.name, plugin.is_service) for plugin in found] == [
        ("keystone", True),
        ("nova", True),
        ("theirs", False),
        ("first", False),
    ]
    assert found[2].origin == "other-package (entry point theirs = theirs_module)"


def test_failing_entry_point_names_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, Entry("broken", "some-package", ImportError("no such thing")))
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value).startswith(
        "plugin broken: some-package (entry point broken = broken_module) cannot be imported: "
        "ImportError: no such thing"
    )


def test_repository_may_have_the_name_of_an_in_tree_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, Entry("40-neutron", "doitstack", Hooks()))
    script = tmp_path / "neutron" / "devstack" / "plugin.sh"
    script.parent.mkdir(parents=True)
    script.write_text(":\n")
    found = find_plugins(tmp_path, tmp_path, [PluginRepository("neutron", "/url", "")])
    assert [(one.name, one.is_service) for one in found] == [
        ("neutron", True),
        ("neutron-repository", False),
    ]


def test_plugin_may_be_a_module_or_an_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Greeter:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def stack_install(self) -> list[Step]:
            return [run(print, self.name, name="greet")]

    _install(monkeypatch, Entry("one", "p", Greeter("A")), Entry("two", "p", Greeter("B")))

    steps = [plugin.steps("stack_install", stack=STACK) for plugin in find(tmp_path)]

    assert [[step.args for step in some] for some in steps] == [[("A",)], [("B",)]]


def test_entry_point_may_name_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "an_object_with_hooks.py").write_text(IMPORTS + dedent(SERVICE))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("a", "an_object_with_hooks:plugin", "doitstack")
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    (plugin,) = find(tmp_path)
    assert tuple(plugin.hooks) == ("stack_install", "unstack", "tasks")
    assert len(plugin.steps("unstack", stack=enabling(""))) == 1
