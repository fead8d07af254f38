"""A plugin's hooks declare steps; whatever goes wrong in them names the plugin."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.errors import PluginError
from doitstack.phases import Phase
from doitstack.planning.plugin import Plugin, sort_plugins
from tests.unit.planning.drop_ins import SERVICE, STACK, drop_in, enabling, find


def _blame(top: Path, text: str) -> str:
    """Return the message about a drop-in with this hook for `stack install`."""
    drop_in(top, text)
    with pytest.raises(PluginError) as raised:
        find(top)[0].steps("stack_install", stack=STACK)
    assert raised.value.plugin == "demo"
    return str(raised.value).replace(str(top), "TOP")


def test_hook_takes_only_the_arguments_that_it_names(tmp_path: Path) -> None:
    drop_in(
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
    plugin = find(tmp_path)[0]

    counts = [
        len(plugin.steps(hook, stack=STACK))
        for hook in ("stack_install", "stack_extra", "unstack", "clean")
    ]
    assert counts == [1, 2, 0, 0]


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


def test_tasks_offers_steps_of_the_main_line_only(tmp_path: Path) -> None:
    path = drop_in(
        tmp_path,
        """
        from doitstack import async_run

        @hookimpl
        def tasks(stack):
            yield async_run("greet", print)
    """,
    )
    with pytest.raises(PluginError) as raised:
        find(tmp_path)[0].steps("tasks", stack=STACK)
    assert str(raised.value) == (
        f"plugin demo: {path}:6: tasks offers greet: offer run() steps only"
    )


def test_error_for_the_user_names_the_plugin(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        @hookimpl
        def stack_install(stack):
            raise SettingsError("X=3: use 4")
    """,
    )
    with pytest.raises(PluginError, match=r"^plugin demo: X=3: use 4$"):
        find(tmp_path)[0].steps("stack_install", stack=STACK)


NOT_A_STEP = {
    "yield 'rubbish'": "yielded 'rubbish', not run(), async_run() or async_wait()",
    "yield None": "yielded None, not run(), async_run() or async_wait()",
    "yield [run(print)]": "yielded a list; use",
    "yield print": "yielded print, not run()",
    "return 3": "returned 3 instead of steps",
    "return 'steps'": "returned 'steps' instead of steps",
    "return run(print)": "returned a step; yield it",
}


@pytest.mark.parametrize("body", NOT_A_STEP)
def test_hook_that_gives_rubbish_is_blamed(tmp_path: Path, body: str) -> None:
    message = _blame(tmp_path, f"@hookimpl\ndef stack_install(stack):\n    {body}\n")
    assert message.startswith(
        f"plugin demo: TOP/extras.d/50-demo.py:3: stack_install {NOT_A_STEP[body]}"
    )


def test_steps_that_are_yielded_as_a_list_are_explained(tmp_path: Path) -> None:
    hook = "@hookimpl\ndef stack_install(stack):\n    yield [run(print)]\n"
    assert _blame(tmp_path, hook).endswith("; use `yield from` for several steps")


def test_steps_that_are_not_yielded_are_refused_with_their_places(tmp_path: Path) -> None:
    hook = """
        from doitstack import async_run, async_wait

        def helper():
            run(print)

        @hookimpl
        def stack_install(stack):
            async_run("a", print)
            helper()
            async_wait("a", "b")
            yield run(print)
    """
    place = "TOP/extras.d/50-demo.py"
    assert _blame(tmp_path, hook) == (
        f"plugin demo: {place}:9: stack_install made a step and did not yield it: "
        f"async_run(a) in {place}:11; run(print) in {place}:7; async_wait(a, b) in {place}:13"
    )


def test_shell_that_no_step_runs_is_refused_with_its_place(tmp_path: Path) -> None:
    hook = """
        from doitstack import shell

        @hookimpl
        def stack_install(stack):
            yield run(shell("ls -l"))
            shell("true --now")
    """
    place = "TOP/extras.d/50-demo.py"
    assert _blame(tmp_path, hook) == (
        f"plugin demo: {place}:6: stack_install made a step and did not yield it: "
        f"shell(true) in {place}:9"
    )


def test_lost_step_is_named_without_its_shell(tmp_path: Path) -> None:
    hook = """
        from doitstack import shell

        @hookimpl
        def stack_install(stack):
            run(shell("ls"))
    """
    assert _blame(tmp_path, hook).endswith("did not yield it: run(ls) in TOP/extras.d/50-demo.py:8")


def test_steps_that_are_returned_or_passed_on_count_as_yielded(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        SHARED = run(print)

        def helper():
            yield run(print)

        @hookimpl
        def stack_install(stack):
            return [run(print), SHARED]

        @hookimpl
        def stack_extra(stack):
            yield SHARED
            yield from helper()
    """,
    )
    (plugin,) = find(tmp_path)
    assert [len(plugin.steps(hook, stack=STACK)) for hook in plugin.hooks] == [2, 2]


ACTS = [
    'stack.run(["true"])',
    'stack.output_of(["true"])',
    'stack.password("ADMIN_PASSWORD")',
    'stack.run_process("x", ["sleep", "9"])',
    'stack.stop_process("x")',
    "stack.services.stop_all()",
    'stack.timed("x").__enter__()',
    'stack.say("x")',
    'stack.shell("true")',
    'stack.async_run("a", print)',
]


@pytest.mark.parametrize("act", ACTS)
def test_hook_that_acts_is_an_error(tmp_path: Path, act: str) -> None:
    said = _blame(tmp_path, f"@hookimpl\ndef stack_install(stack):\n    {act}\n    yield\n")
    assert said == (
        "plugin demo: stack_install: a hook declares steps and does nothing itself: "
        "yield run(...) (TOP/extras.d/50-demo.py, line 5)"
    )


@pytest.mark.parametrize("enabled", ["key", ""])
def test_only_unstack_is_called_if_the_service_is_off(tmp_path: Path, enabled: str) -> None:
    drop_in(tmp_path, SERVICE)
    (plugin,) = find(tmp_path)
    stack = enabling(enabled)
    counts = [len(plugin.steps(hook, stack=stack)) for hook in plugin.hooks]
    assert counts == ([1, 1, 1] if enabled else [0, 1, 0])


def test_services_come_last_and_reversed_when_tearing_down() -> None:
    plugins = [
        Plugin("key", "", is_service=True), Plugin("nova", "", is_service=True),
        Plugin("other", ""), Plugin("drop-in", ""),
    ]  # fmt: skip

    ordered = {phase: [plugin.name for plugin in sort_plugins(plugins, phase)] for phase in Phase}

    stacking = ["key", "nova", "other", "drop-in"]
    tearing = ["other", "drop-in", "nova", "key"]
    assert ordered == {
        phase: tearing if phase in (Phase.UNSTACK, Phase.CLEAN) else stacking for phase in Phase
    }


@pytest.mark.parametrize(
    ("enabled", "started", "is_service", "steps"),
    [
        ("key", [], True, 1),
        ("", ["keystone"], True, 1),
        ("", ["glance"], True, 0),
        ("", [], False, 1),
    ],
)
def test_service_that_was_never_started_is_not_stopped(
    tmp_path: Path, enabled: str, started: list[str], is_service: bool, steps: int
) -> None:
    drop_in(
        tmp_path,
        """
        services = ("key",)
        @hookimpl
        def unstack(stack):
            yield run(["true"])
    """,
    )
    plugin = find(tmp_path)[0]._replace(is_service=is_service)
    stack: Any = SimpleNamespace(
        is_service_enabled=lambda *names: enabled in names,
        started_services=lambda: started,
        declaring=nullcontext,
    )
    assert len(plugin.steps("unstack", stack=stack)) == steps


@pytest.mark.parametrize(
    ("process", "enabled", "is_disabled"),
    [
        ("memcached", "mysql", False),
        ("memcached", "key", True),
        ("n-sch", "mysql", True),
        ("n-sch", "n-sch", False),
        ("other", "key", False),
    ],
)
def test_process_is_disabled_if_no_service_that_starts_it_is_enabled(
    process: str, enabled: str, *, is_disabled: bool
) -> None:
    services = ("memcached", "mysql")
    plugin = Plugin("demo", "", services=services, known_services=(*services, "n-sch"))
    assert plugin.has_disabled(process, enabling(enabled)) is is_disabled
