"""A stack directory: its plans, what its plugins offer, and the checks of settings."""

import os
from pathlib import Path

import pytest

from doitstack.cli import COMMANDS, command_name
from doitstack.errors import PlanError, PluginError
from doitstack.planning.stack_directory import StackDirectory
from tests.unit.planning.drop_ins import drop_in


@pytest.mark.parametrize(("name", "owner"), [("stack", "doitstack"), ("greet", "demo")])
def test_offered_task_needs_a_name_of_its_own(tmp_path: Path, name: str, owner: str) -> None:
    offer = f"@hookimpl\ndef tasks(stack):\n    yield run(print, name={name!r})\n"
    drop_in(tmp_path, offer.replace(repr(name), "'greet'"))
    path = drop_in(tmp_path, offer, "60-other.py")
    with pytest.raises(PluginError) as raised:
        StackDirectory(tmp_path, {}).tasks()
    assert str(raised.value) == (
        f"plugin other: {path} offers the task {name}, which {owner} has; rename it"
    )


@pytest.mark.parametrize("name", ["a b", "x=y", "-x", "a:b", "_x"])
def test_offered_task_needs_a_good_name(tmp_path: Path, name: str) -> None:
    drop_in(tmp_path, f"@hookimpl\ndef tasks(stack):\n    yield run(print, name={name!r})\n")
    with pytest.raises(PluginError, match=r"offers the task .*; use letters, digits"):
        StackDirectory(tmp_path, {"ENABLED_SERVICES": ","}).check()


@pytest.mark.parametrize("name", [command_name(name) for name in COMMANDS])
def test_offered_task_cannot_be_a_command(tmp_path: Path, name: str) -> None:
    drop_in(tmp_path, f"@hookimpl\ndef tasks(stack):\n    yield run(print, name={name!r})\n")
    with pytest.raises(PluginError, match=f"offers the task {name}, which is a command; rename it"):
        StackDirectory(tmp_path, {"ENABLED_SERVICES": ","}).check()


def test_offered_task_must_take_the_stack(tmp_path: Path) -> None:
    path = drop_in(
        tmp_path,
        """
        def words(stack, one): ...
        def nothing(): ...
        @hookimpl
        def tasks(stack):
            yield run(words)
            yield run(nothing)
    """,
    )
    with pytest.raises(PluginError) as raised:
        StackDirectory(tmp_path, {}).tasks()
    assert str(raised.value).startswith(f"plugin demo: {path}:5: nothing() takes no stack; ")


def test_plan_has_the_services_that_source_enables(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        @hookimpl
        def source(settings):
            settings.enable_service("greeter")
            yield run(print, name="enable")

        @hookimpl
        def stack_install(stack):
            if stack.is_service_enabled("greeter"):
                yield run(print, name="greet")
    """,
    )
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ","})
    assert [planned.step.name for planned in directory.plan().steps] == ["greet"]
    assert [planned.step.name for planned in directory.settings_plan.steps] == ["enable"]


def test_wait_for_a_future_of_a_service_that_is_not_enabled_is_allowed(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        from doitstack import async_run, async_wait

        @hookimpl
        def stack_install(stack):
            if stack.is_service_enabled("greeter"):
                yield async_run("fetch_greeter", print)

        @hookimpl
        def stack_extra(stack):
            yield async_wait("fetch_greeter")
            yield async_wait(stack.settings.get("WAIT", "fetch_greeter"))
    """,
    )
    environ = {"ENABLED_SERVICES": ",", "PATH": os.environ["PATH"]}
    assert StackDirectory(tmp_path, environ).plan().warnings == ()
    with pytest.raises(PlanError, match=r"waits for fech_greeter, .* did you mean fetch_greeter"):
        StackDirectory(tmp_path, {**environ, "WAIT": "fech_greeter"}).plan()


COUNTED = """
    calls = []

    @hookimpl
    def source(settings):
        if settings.is_true("HAS_STEPS"):
            yield run(print)

    @hookimpl
    def stack_install(stack):
        calls.append("install")
        yield run(print, str(len(calls)))
"""


@pytest.mark.parametrize(("has_steps", "calls"), [("False", "1"), ("True", "2")])
def test_hooks_are_called_again_only_if_steps_of_source_have_run(
    tmp_path: Path, has_steps: str, calls: str
) -> None:
    drop_in(tmp_path, COUNTED)
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ",", "HAS_STEPS": has_steps})
    directory.check()
    directory.warnings()
    directory.settings.update({"PATH": "/bin"})
    directory.forget_plans()
    assert [planned.step.args for planned in directory.plan().steps] == [(calls,)]


CHECKED = """
    from doitstack import Settings
    services = ("tides",)
    checked_settings = {"TIDES_PORT": Settings.port, "TIDES_DIR": Settings.absolute_path}
    @hookimpl
    def source(settings):
        settings.default("TIDES_DIR", "/srv")
"""


def test_settings_of_enabled_services_are_checked_together(tmp_path: Path) -> None:
    drop_in(tmp_path, CHECKED)
    conf = tmp_path / "local.conf"
    conf.write_text("[[local|localrc]]\nTIDES_PORT=x\nTIDES_DIR=y\n")
    with pytest.raises(PlanError) as raised:
        StackDirectory(tmp_path, {"ENABLED_SERVICES": "tides"}).check()
    assert str(raised.value).splitlines() == [
        f"{conf}:2: TIDES_PORT=x: use a whole number, 0 or more",
        f"{conf}:3: TIDES_DIR=y: use an absolute path",
    ]


@pytest.mark.parametrize(
    "environ",
    [
        {"ENABLED_SERVICES": ",", "TIDES_PORT": "x"},
        {"ENABLED_SERVICES": "tides", "TIDES_DIR": "/x"},
        {"ENABLED_SERVICES": "tides", "TIDES_PORT": ""},
    ],
)
def test_settings_that_no_service_uses_and_unset_ones_are_not_checked(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    drop_in(tmp_path, CHECKED)
    StackDirectory(tmp_path, environ).check()


def test_bad_settings_do_not_prevent_a_teardown(tmp_path: Path) -> None:
    drop_in(tmp_path, CHECKED)
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": "tides", "TIDES_PORT": "x"})
    directory.pass_over_mistakes()
    directory.check()


def test_check_that_raises_is_blamed(tmp_path: Path) -> None:
    path = drop_in(tmp_path, 'checked_settings = {"A": lambda settings: 1}\n')
    with pytest.raises(PluginError, match=f"the check of A of {path} raised TypeError"):
        StackDirectory(tmp_path, {"ENABLED_SERVICES": ",", "A": "1"}).check()


def test_checks_of_settings_are_a_mapping(tmp_path: Path) -> None:
    path = drop_in(tmp_path, 'checked_settings = {"A": 3}\n')
    with pytest.raises(PluginError, match=f"{path}: checked_settings are checks by name"):
        StackDirectory(tmp_path, {"ENABLED_SERVICES": ","}).check()


def test_mistake_about_a_source_tree_is_found_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nLIBS_FROM_GIT=keyston\n")
    with pytest.raises(PlanError, match="no project has the name keyston; did you mean keystone"):
        StackDirectory(tmp_path, {}).check()
