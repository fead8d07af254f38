"""Plugins are found, put in order, and blamed by name."""

from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from doitstack import run
from doitstack.config.local_conf import LocalSettings, PluginRepository
from doitstack.config.settings import Settings
from doitstack.errors import PluginError
from doitstack.hookspecs import hookimpl
from doitstack.planning import plugin_discovery as module
from doitstack.planning.plugin import HOOKS
from doitstack.planning.plugin_discovery import find_plugins, is_reserved
from doitstack.stack import Stack
from doitstack.steps import Step
from tests.unit.planning.drop_ins import IMPORTS, STACK, drop_in, find


def test_drop_ins_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("80-b.sh", "09-z.py", "80-a.py", "50-c.sh", "x.py", "7-d.py", "60-e.txt", "61-e~"):
        drop_in(tmp_path, "", name)

    found = find(tmp_path)

    assert [plugin.name for plugin in found] == ["z", "c", "a", "b"]
    assert found[1].origin == str(tmp_path / "extras.d" / "50-c.sh")
    assert [is_reserved(Path("extras.d", name)) for name in ("09-z.py", "50-c.sh", "99-x.sh")] == [
        True, False, True
    ]  # fmt: skip


def test_hooks_of_a_module_are_in_the_order_of_the_phases(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        @hookimpl
        def tasks(stack): ...
        @hookimpl
        def clean(stack): ...
        @hookimpl
        def source(settings): ...
    """,
    )
    assert tuple(find(tmp_path)[0].hooks) == ("source", "clean", "tasks")


def test_import_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "import no_such_module\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: ModuleNotFoundError: "
        f"No module named 'no_such_module' ({path}, line 3)"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "def f(:\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: SyntaxError: invalid syntax (50-demo.py, line 3)"
    )


MISSPELT = {
    "def stack_instal(stack): ...": "there is no hook stack_instal; did you mean stack_install?",
    "def overide_defaults(settings): ...": (
        "there is no hook overide_defaults; did you mean override_defaults?"
    ),
    "def xyz(stack): ...": f"there is no hook xyz; there are {', '.join(HOOKS)}",
    "def stack_install(stak): ...": "stack_install has no argument stak; it may take stack",
    "def source(stack): ...": "source has no argument stack; it may take settings",
    "def unstack(stack, settings): ...": "unstack has no argument settings; it may take stack",
}


@pytest.mark.parametrize("hook", MISSPELT)
def test_misspelt_hook_or_argument_is_refused(tmp_path: Path, hook: str) -> None:
    path = drop_in(tmp_path, f"@hookimpl\n{hook}\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == f"plugin demo: {path}:3: {MISSPELT[hook]}"


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = drop_in(tmp_path, "", "50-demo.sh"), drop_in(tmp_path, "", "60-demo.py")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: found twice, in {one} and in {two}; rename or remove one"
    )


def test_import_that_exits_is_blamed(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "raise SystemExit('not here')\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: SystemExit: not here ({path}, line 3)"
    )


UNFIT = {
    "@hookimpl(wrapper=True)\ndef stack_install(stack):\n    yield\n": (
        "stack_install is a wrapper; yield steps from a plain hook"
    ),
    "@hookimpl(hookwrapper=True)\ndef stack_install(stack):\n    yield\n": (
        "stack_install is a wrapper; yield steps from a plain hook"
    ),
    "def stack_install(stack):\n    yield run(print)\n": (
        "stack_install is not a hook without @hookimpl"
    ),
}


@pytest.mark.parametrize("text", UNFIT)
def test_hook_that_would_be_passed_over_is_refused(tmp_path: Path, text: str) -> None:
    path = drop_in(tmp_path, text)
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == f"plugin demo: {path}: {UNFIT[text]}"


def test_proxy_that_answers_no_question_is_no_hook(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError("working outside of a request")

        proxy = Proxy()
    """,
    )
    assert tuple(find(tmp_path)[0].hooks) == ()


class Distribution:
    def __init__(self, name: str) -> None:
        self.name = name


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


def test_two_entry_points_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, Entry("twin", "one", Hooks()), Entry("twin", "two", Hooks()))
    with pytest.raises(PluginError, match=r"found twice, in one \(.*\) and in two \("):
        find(tmp_path)


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


def test_one_object_under_two_names_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = Hooks()
    _install(monkeypatch, Entry("one", "p", same), Entry("two", "q", same))
    with pytest.raises(PluginError, match=r"^plugin two: q \(.*\) is the same as p \(.*\); remove"):
        find(tmp_path)


def test_hook_may_have_another_name_in_the_plugin(tmp_path: Path) -> None:
    drop_in(tmp_path, "@hookimpl(specname='stack_install')\ndef go():\n    yield run(print)\n")
    assert [step.name for step in find(tmp_path)[0].steps("stack_install", stack=STACK)] == [
        "print"
    ]


def test_hook_that_is_implemented_twice_is_refused(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        @hookimpl
        def stack_install(): ...
        @hookimpl(specname="stack_install")
        def another(): ...
    """,
    )
    with pytest.raises(PluginError, match="plugin demo: implements stack_install twice"):
        find(tmp_path)


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


def _enabling(services: str) -> Stack:
    return Stack(Settings({"ENABLED_SERVICES": services}, LocalSettings({}), frozenset()))


def test_object_of_a_drop_in_is_a_plugin(tmp_path: Path) -> None:
    drop_in(tmp_path, SERVICE)
    (plugin,) = find(tmp_path)
    assert tuple(plugin.hooks) == ("stack_install", "unstack", "tasks")
    assert [step.args for step in plugin.steps("stack_install", stack=_enabling("key"))] == [
        ("install",)
    ]


def test_entry_point_may_name_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "an_object_with_hooks.py").write_text(IMPORTS + dedent(SERVICE))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("a", "an_object_with_hooks:plugin", "doitstack")
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    (plugin,) = find(tmp_path)
    assert tuple(plugin.hooks) == ("stack_install", "unstack", "tasks")
    assert len(plugin.steps("unstack", stack=_enabling(""))) == 1


def test_hooks_of_both_a_drop_in_and_its_object_are_refused(tmp_path: Path) -> None:
    path = drop_in(tmp_path, dedent(SERVICE) + "@hookimpl\ndef clean(stack): ...\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path}: both the module and its `plugin` have hooks; keep those of one"
    )


def test_object_called_plugin_without_hooks_is_no_plugin(tmp_path: Path) -> None:
    drop_in(tmp_path, "plugin = 'x'\n@hookimpl\ndef clean(stack): ...\n")
    assert tuple(find(tmp_path)[0].hooks) == ("clean",)


@pytest.mark.parametrize("enabled", ["key", ""])
def test_plugin_of_a_service_that_is_off_is_asked_only_to_stop(
    tmp_path: Path, enabled: str
) -> None:
    drop_in(tmp_path, SERVICE)
    (plugin,) = find(tmp_path)
    stack = _enabling(enabled)
    counts = [len(plugin.steps(hook, stack=stack)) for hook in plugin.hooks]
    assert counts == ([1, 1, 1] if enabled else [0, 1, 0])


@pytest.mark.parametrize("services", ['"g-api"', "(1,)"])
def test_services_are_a_tuple_of_names(tmp_path: Path, services: str) -> None:
    path = drop_in(tmp_path, f"services = {services}\n")
    with pytest.raises(PluginError) as raised:
        find(tmp_path)
    assert str(raised.value) == (
        f'plugin demo: {path}: services are names in a tuple: services = ("g-api",)'
    )


def test_module_may_have_something_else_called_services(tmp_path: Path) -> None:
    drop_in(tmp_path, "import os as services\n@hookimpl\ndef clean(stack): ...\n")
    assert find(tmp_path)[0].services == ()
