"""Plugins are registered, or refused with their name."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from doitstack import hookimpl
from doitstack.errors import DoitstackError, PluginError
from doitstack.planning.found_plugin import FoundPlugin
from doitstack.planning.plugin import HOOKS
from doitstack.planning.plugin_registration import refuse_all, registered_plugins
from doitstack.stack import Stack
from tests.unit.planning.drop_ins import STACK, drop_in, find, refusal


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
    assert refusal(tmp_path) == f"plugin demo: {path}:3: {MISSPELT[hook]}"


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (("twin", "twin"), "plugin twin: found twice, in p and in q; rename or remove one"),
        (("one", "two"), "plugin two: q is the same as p; remove one of them"),
    ],
)
def test_one_name_or_object_for_two_plugins_is_refused(names: tuple[str, str], error: str) -> None:
    found = [FoundPlugin(name, origin, STACK) for name, origin in zip(names, "pq", strict=True)]
    with pytest.raises(PluginError) as raised:
        registered_plugins(found, refuse_all)
    assert str(raised.value) == error


def test_objects_that_compare_equal_are_refused() -> None:
    @dataclass
    class Twin:
        @hookimpl
        def stack_install(self, stack: Stack) -> None: ...

    found = [FoundPlugin("one", "p", Twin()), FoundPlugin("two", "q", Twin())]
    with pytest.raises(PluginError, match=r"^plugin two: q compares equal to another plugin; "):
        registered_plugins(found, refuse_all)
    errors: list[DoitstackError] = []
    assert [one.name for one in registered_plugins(found, errors.append)] == ["one"]


def test_plugin_that_is_refused_is_left_out() -> None:
    errors: list[DoitstackError] = []
    found = [FoundPlugin(name, name, object()) for name in ("a", "b", "a")]
    plugins = registered_plugins(found, errors.append)
    assert [plugin.name for plugin in plugins] == ["a", "b"]
    assert [str(error) for error in errors] == [
        "plugin a: found twice, in a and in a; rename or remove one"
    ]


UNFIT = {
    "@hookimpl(wrapper=True)\ndef stack_install(stack):\n    yield\n": (
        ": stack_install is a wrapper; yield steps from a plain hook"
    ),
    "@hookimpl(hookwrapper=True)\ndef stack_install(stack):\n    yield\n": (
        ": stack_install is a wrapper; yield steps from a plain hook"
    ),
    "def stack_install(stack):\n    yield run(print)\n": (
        ":3: stack_install is not a hook without @hookimpl"
    ),
}


@pytest.mark.parametrize("text", UNFIT)
def test_hook_that_would_be_passed_over_is_refused(tmp_path: Path, text: str) -> None:
    path = drop_in(tmp_path, text)
    assert refusal(tmp_path) == f"plugin demo: {path}{UNFIT[text]}"


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


def test_hook_of_an_object_may_be_any_kind_of_method(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        class Base:
            @hookimpl
            def stack_install(self): ...
            def unstack(self): ...

        class Plugin(Base):
            __slots__ = ("source",)
            number = 1
            @hookimpl
            @staticmethod
            def stack_extra(): ...
            @hookimpl
            @classmethod
            def stack_test_config(cls): ...
            @property
            def tasks(self):
                raise RuntimeError("evaluated")
            def __init__(self):
                self.source = hookimpl(lambda: ())
                self.clean = hookimpl(lambda: ())

        plugin = Plugin()
    """,
    )
    assert set(find(tmp_path)[0].hooks) == {
        "source", "stack_install", "stack_extra", "stack_test_config", "clean"
    }  # fmt: skip


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


@pytest.mark.parametrize("services", ['"g-api"', "(1,)"])
def test_services_are_a_tuple_of_names(tmp_path: Path, services: str) -> None:
    path = drop_in(tmp_path, f"services = {services}\n")
    assert refusal(tmp_path) == (
        f'plugin demo: {path}: services are names in a tuple: services = ("g-api",)'
    )


def test_module_may_have_something_else_called_services(tmp_path: Path) -> None:
    drop_in(tmp_path, "import os as services\n@hookimpl\ndef clean(stack): ...\n")
    assert find(tmp_path)[0].services == ()
