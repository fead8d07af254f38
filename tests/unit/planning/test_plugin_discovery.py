"""Plugins are found, put in order, and blamed by name."""

import os
from importlib.metadata import EntryPoint
from pathlib import Path
from textwrap import dedent

import pytest

from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.errors import PluginError
from doitstack.hookspecs import hookimpl
from doitstack.phases import Phase
from doitstack.planning import plugin_discovery as module
from doitstack.planning.plugin_discovery import Plugin, Script, find_plugins, is_reserved, order
from doitstack.planning.stack_directory import StackDirectory
from doitstack.stack import Stack
from doitstack.steps import Step, run

STACK = Stack(Settings({}, LocalSettings({}), frozenset()))
IMPORTS = "from doitstack import hookimpl, run\nfrom doitstack.errors import SettingsError\n"


@pytest.fixture(autouse=True)
def _no_installed_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "entry_points", lambda group: [])


def _drop_in(top: Path, text: str, name: str = "50-demo.py") -> Path:
    path = top / "extras.d" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(IMPORTS + dedent(text))
    return path


def _find(top: Path) -> list[Plugin]:
    return find_plugins(top, top / "dest", ())


def _blame(top: Path, text: str) -> str:
    """Return what is said of a drop-in with this hook for `stack install`."""
    _drop_in(top, text)
    with pytest.raises(PluginError) as raised:
        _find(top)[0].steps("stack_install", stack=STACK)
    assert raised.value.plugin == "demo"
    return str(raised.value).replace(str(top), "TOP")


def test_drop_ins_are_in_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("80-b.sh", "09-z.py", "80-a.py", "50-c.sh", "x.py", "7-d.py", "60-e.txt", "61-e~"):
        _drop_in(tmp_path, "", name)

    found = _find(tmp_path)

    assert [plugin.name for plugin in found] == ["z", "c", "a", "b"]
    assert found[1].origin == str(tmp_path / "extras.d" / "50-c.sh")
    assert [is_reserved(Path("extras.d", name)) for name in ("09-z.py", "50-c.sh", "99-x.sh")] == [
        True, False, True
    ]  # fmt: skip


def test_script_answers_every_phase(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "", "50-c.sh")
    script = _find(tmp_path)[0]

    assert script.hooks == tuple(phase.hook for phase in Phase)
    assert script.steps("stack_post_config") == [
        run(Script(path, ("stack", "post-config")), name="50-c.sh")
    ]
    assert script.steps("stack_post_config")[0].command == "50-c.sh stack post-config"


def test_module_tells_its_hooks_in_the_order_of_the_phases(tmp_path: Path) -> None:
    _drop_in(
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
    assert _find(tmp_path)[0].hooks == ("source", "clean", "tasks")


def test_hook_takes_only_the_arguments_that_it_names(tmp_path: Path) -> None:
    _drop_in(
        tmp_path,
        """
        def act(stack): ...
        @hookimpl
        def stack_install():
            yield run(act)
        @hookimpl
        def stack_extra(stack):
            return [run(act), run(act)]
        @hookimpl
        def unstack(stack):
            return None
    """,
    )
    plugin = _find(tmp_path)[0]

    counts = [
        len(plugin.steps(hook, stack=STACK))
        for hook in ("stack_install", "stack_extra", "unstack", "clean")
    ]
    assert counts == [1, 2, 0, 0]


def test_import_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "import no_such_module\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: ModuleNotFoundError: "
        f"No module named 'no_such_module' ({path}, line 3)"
    )
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_syntax_error_names_the_file_and_the_line(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "def f(:\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: SyntaxError: invalid syntax (50-demo.py, line 3)"
    )


def test_misspelt_hook_is_refused(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "@hookimpl\ndef stack_instal(stack): ...\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value).startswith(f"plugin demo: {path}: unknown hook 'stack_instal'")


def test_misspelt_argument_is_refused(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "@hookimpl\ndef stack_install(stak): ...\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value).startswith(f"plugin demo: {path}: ")
    assert "stak" in str(raised.value)


def test_two_plugins_of_one_name_are_refused(tmp_path: Path) -> None:
    one, two = _drop_in(tmp_path, "", "50-demo.sh"), _drop_in(tmp_path, "", "60-demo.py")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: found twice, in {one} and in {two}; rename or remove one"
    )


def test_hook_that_raises_is_blamed_with_its_line(tmp_path: Path) -> None:
    said = _blame(tmp_path, "@hookimpl\ndef stack_install(stack):\n    yield 1 / 0\n")
    assert said == (
        "plugin demo: stack_install of TOP/extras.d/50-demo.py raised ZeroDivisionError: "
        "division by zero (TOP/extras.d/50-demo.py, line 5)"
    )


@pytest.mark.parametrize("hook", ["raise SystemExit(4)", "yield run(print); raise SystemExit(4)"])
def test_hook_that_exits_is_blamed(tmp_path: Path, hook: str) -> None:
    said = _blame(tmp_path, f"@hookimpl\ndef stack_install(stack):\n    {hook}\n")
    assert said == (
        "plugin demo: stack_install of TOP/extras.d/50-demo.py raised SystemExit: 4 "
        "(TOP/extras.d/50-demo.py, line 5)"
    )


def test_import_that_exits_is_blamed(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, "raise SystemExit('not here')\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path} cannot be imported: SystemExit: not here ({path}, line 3)"
    )


def test_mistake_in_a_step_is_placed_in_the_plugin(tmp_path: Path) -> None:
    said = _blame(tmp_path, "@hookimpl\ndef stack_install(stack):\n    yield run('make')\n")
    assert said.startswith(
        "plugin demo: stack_install of TOP/extras.d/50-demo.py raised TypeError: an action is"
    )
    assert said.endswith(" (TOP/extras.d/50-demo.py, line 5)")


def test_hook_that_cannot_be_called_is_placed_nowhere(tmp_path: Path) -> None:
    said = _blame(tmp_path, "@hookimpl\ndef stack_install(*, stack):\n    yield run(print)\n")
    assert said == (
        "plugin demo: stack_install of TOP/extras.d/50-demo.py raised TypeError: "
        "stack_install() missing 1 required keyword-only argument: 'stack'"
    )


UNFIT = {
    "@hookimpl(wrapper=True)\ndef stack_install(stack):\n    yield\n": (
        "stack_install is a wrapper; yield steps from a plain hook"
    ),
    "@hookimpl(hookwrapper=True)\ndef stack_install(stack):\n    yield\n": (
        "stack_install is a wrapper; yield steps from a plain hook"
    ),
    "def stack_install(stack):\n    yield run(print)\n": (
        "stack_install is no hook without @hookimpl before it"
    ),
}


@pytest.mark.parametrize("text", UNFIT)
def test_hook_that_would_be_passed_over_is_refused(tmp_path: Path, text: str) -> None:
    path = _drop_in(tmp_path, text)
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == f"plugin demo: {path}: {UNFIT[text]}"


def test_proxy_that_answers_no_question_is_no_hook(tmp_path: Path) -> None:
    _drop_in(
        tmp_path,
        """
        class Proxy:
            def __getattr__(self, name):
                raise RuntimeError("working outside of a request")

        proxy = Proxy()
    """,
    )
    assert _find(tmp_path)[0].hooks == ()


def test_tasks_offers_steps_of_the_main_line_only(tmp_path: Path) -> None:
    path = _drop_in(
        tmp_path,
        """
        from doitstack import async_run

        @hookimpl
        def tasks(stack):
            yield async_run("greet", print)
    """,
    )
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)[0].steps("tasks", stack=STACK)
    assert str(raised.value) == (
        f"plugin demo: tasks of {path} offers greet: offer run() steps only"
    )


@pytest.mark.parametrize(("name", "owner"), [("stack", "doitstack"), ("greet", "demo")])
def test_offered_task_needs_a_name_of_its_own(tmp_path: Path, name: str, owner: str) -> None:
    offer = f"@hookimpl\ndef tasks(stack):\n    yield run(print, name={name!r})\n"
    _drop_in(tmp_path, offer.replace(repr(name), "'greet'"))
    path = _drop_in(tmp_path, offer, "60-other.py")
    with pytest.raises(PluginError) as raised:
        StackDirectory(tmp_path, {}).tasks()
    assert str(raised.value) == (
        f"plugin other: {path} offers the task {name}, which {owner} has; rename it"
    )


def test_error_for_the_user_names_the_plugin_that_asks(tmp_path: Path) -> None:
    _drop_in(
        tmp_path,
        """
        @hookimpl
        def stack_install(stack):
            raise SettingsError("X=3: use 4")
    """,
    )
    with pytest.raises(PluginError, match=r"^plugin demo: X=3: use 4$"):
        _find(tmp_path)[0].steps("stack_install", stack=STACK)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("yield 'rubbish'", "yielded 'rubbish', not run(), async_run() or async_wait()"),
        ("yield None", "yielded None, not run(), async_run() or async_wait()"),
        ("return 3", "gave 3, not steps"),
        ("return 'steps'", "gave 'steps', not steps"),
        ("return run(print)", ": yield steps, do not return one"),
    ],
)
def test_hook_that_gives_rubbish_is_blamed(tmp_path: Path, body: str, said: str) -> None:
    message = _blame(tmp_path, f"@hookimpl\ndef stack_install(stack):\n    {body}\n")
    expected = f"plugin demo: stack_install of TOP/extras.d/50-demo.py {said}"
    assert message == expected.replace(" : yield", ": yield")


def test_hook_that_acts_is_told_to_declare(tmp_path: Path) -> None:
    _drop_in(
        tmp_path,
        """
        @hookimpl
        def stack_install(stack):
            stack.run(["true"])
    """,
    )
    with pytest.raises(Exception, match="a hook declares steps and does nothing itself"):
        _find(tmp_path)[0].steps("stack_install", stack=STACK)


def test_services_come_last_and_reversed_when_tearing_down() -> None:
    plugins = [
        Plugin("key", "", is_service=True), Plugin("nova", "", is_service=True),
        Plugin("other", ""), Plugin("drop-in", ""),
    ]  # fmt: skip

    ordered = {phase: [plugin.name for plugin in order(plugins, phase)] for phase in Phase}

    stacking = ["key", "nova", "other", "drop-in"]
    tearing = ["other", "drop-in", "nova", "key"]
    assert ordered == {
        phase: tearing if phase in (Phase.UNSTACK, Phase.CLEAN) else stacking for phase in Phase
    }


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
    _drop_in(tmp_path, "", "00-first.sh")

    found = _find(tmp_path)

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
        _find(tmp_path)
    assert str(raised.value).startswith(
        "plugin broken: some-package (entry point broken = broken_module) cannot be imported: "
        "ImportError: no such thing"
    )


def test_two_entry_points_of_one_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _install(monkeypatch, Entry("twin", "one", Hooks()), Entry("twin", "two", Hooks()))
    with pytest.raises(PluginError, match=r"found twice, in one \(.*\) and in two \("):
        _find(tmp_path)


@pytest.mark.parametrize("name", ["mine.sh", "5-mine.sh", "50_mine.py", "50-my own.sh"])
def test_a_drop_in_without_a_number_is_warned_of(tmp_path: Path, name: str) -> None:
    (tmp_path / "extras.d").mkdir()
    path = tmp_path / "extras.d" / name
    path.write_text("")
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ",", "PATH": os.environ["PATH"]})
    assert directory.warnings() == [f"{path} is not run; call it NN-name{path.suffix}"]


def test_a_drop_in_with_a_reserved_number_is_warned_of(tmp_path: Path) -> None:
    script = tmp_path / "extras.d" / "05-mine.sh"
    script.parent.mkdir()
    script.write_text(":\n")
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ",", "PATH": os.environ["PATH"]})
    expected = f"{script}: numbers 00-09 and 90-99 are kept for doitstack; use 10 to 89"
    assert expected in directory.warnings()


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
    _drop_in(tmp_path, SERVICE)
    (plugin,) = _find(tmp_path)
    assert plugin.hooks == ("stack_install", "unstack", "tasks")
    assert [step.args for step in plugin.steps("stack_install", stack=_enabling("key"))] == [
        ("install",)
    ]


def test_entry_point_may_name_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "an_object_with_hooks.py").write_text(IMPORTS + dedent(SERVICE))
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("a", "an_object_with_hooks:plugin", "doitstack")
    monkeypatch.setattr(module, "entry_points", lambda group: [entry])
    (plugin,) = _find(tmp_path)
    assert plugin.hooks == ("stack_install", "unstack", "tasks")
    assert len(plugin.steps("unstack", stack=_enabling(""))) == 1


def test_hooks_of_both_a_drop_in_and_its_object_are_refused(tmp_path: Path) -> None:
    path = _drop_in(tmp_path, dedent(SERVICE) + "@hookimpl\ndef clean(stack): ...\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f"plugin demo: {path}: both the module and its `plugin` have hooks; keep those of one"
    )


def test_object_called_plugin_without_hooks_is_no_plugin(tmp_path: Path) -> None:
    _drop_in(tmp_path, "plugin = 'x'\n@hookimpl\ndef clean(stack): ...\n")
    assert _find(tmp_path)[0].hooks == ("clean",)


@pytest.mark.parametrize("enabled", ["key", ""])
def test_plugin_of_a_service_that_is_off_is_asked_only_to_stop(
    tmp_path: Path, enabled: str
) -> None:
    _drop_in(tmp_path, SERVICE)
    (plugin,) = _find(tmp_path)
    stack = _enabling(enabled)
    counts = [len(plugin.steps(hook, stack=stack)) for hook in plugin.hooks]
    assert counts == ([1, 1, 1] if enabled else [0, 1, 0])


@pytest.mark.parametrize("services", ['"g-api"', "(1,)"])
def test_services_are_a_tuple_of_names(tmp_path: Path, services: str) -> None:
    path = _drop_in(tmp_path, f"services = {services}\n")
    with pytest.raises(PluginError) as raised:
        _find(tmp_path)
    assert str(raised.value) == (
        f'plugin demo: {path}: services are names in a tuple: services = ("g-api",)'
    )


def test_module_may_have_something_else_called_services(tmp_path: Path) -> None:
    _drop_in(tmp_path, "import os as services\n@hookimpl\ndef clean(stack): ...\n")
    assert _find(tmp_path)[0].services == ()
