"""The plans of several hosts as one graph."""

from contextlib import nullcontext
from pathlib import Path
from textwrap import dedent

import pytest

from doitstack.errors import PlanError
from doitstack.planning.host_plans import check_with_hosts
from doitstack.planning.stack_directory import StackDirectory
from tests.unit.planning.drop_ins import drop_in


def check(top: Path, controller: str, subnode: str, hosts: str = "one,two") -> None:
    """Check a stack whose steps on the controller and on other hosts are these lines."""
    body = f"""
    from doitstack import async_run, async_wait

    @hookimpl
    def stack_install(stack):
        if stack.settings["THIS_HOST"] == "controller":
            {controller}
        else:
            {subnode}
    """
    drop_in(top, dedent(body))
    (top / "local.conf").write_text(f"[[local|localrc]]\nENABLED_SERVICES=,\nHOSTS={hosts}\n")
    check_with_hosts(StackDirectory(top, {}))


_GREETER = """
    from doitstack import async_run

    services = ("greeter",)

    @hookimpl
    def stack_install(stack):
        yield async_run("greet", print)
"""

START = "yield async_run('start', print)"


def test_waits_in_all_directions_are_good(tmp_path: Path) -> None:
    check(
        tmp_path,
        "yield async_run('accounts', print); yield async_wait('accounts', 'start@one')",
        f"yield async_run('begin', print, wait=['accounts@controller']); {START}",
    )


@pytest.mark.parametrize(
    ("controller", "subnode", "message"),
    [
        (
            "yield async_wait('strat@two')",
            START,
            r"50-demo.py:\d+: plugin demo waits for strat@two, "
            "which nothing starts on two; did you mean start",
        ),
        (
            "yield async_wait('start@tow')",
            START,
            r"50-demo.py:\d+: plugin demo waits for start@tow: "
            "there is no host tow; did you mean two",
        ),
        (
            "pass",
            "yield async_wait('accounts@controller')",
            r"50-demo.py:\d+: plugin demo waits for accounts@controller, "
            "which nothing starts on controller",
        ),
        (
            "yield async_run('a', print, wait=['start@one'])",
            "yield async_run('start', print, wait=['a@controller'])",
            "a cycle of waits: .* on one -> .* on controller",
        ),
        ("pass", "yield run(lambda: None)", "one: .*takes no stack"),
        ("pass", "raise ValueError('only here')", "two: .*only here"),
    ],
)
def test_mistakes_are_found_before_anything_runs(
    tmp_path: Path, controller: str, subnode: str, message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        check(tmp_path, controller, subnode)


def test_teardown_passes_over_mistakes_on_other_hosts(tmp_path: Path) -> None:
    drop_in(tmp_path, "import nosuch\n")
    directory = StackDirectory(tmp_path, {"ENABLED_SERVICES": ",", "HOSTS": "one"})
    directory.pass_over_mistakes()
    check_with_hosts(directory)
    assert directory.plan().steps
    assert "nosuch" in directory.passed_over[0]


def test_future_that_a_script_starts_may_be_waited_for(tmp_path: Path) -> None:
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d/60-script.sh").write_text("async_run in_bash true\n")
    check(tmp_path, "yield async_wait('in_bash@one')", "pass")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("", r"50-demo.py:\d+: .* waits for greet@one, which nothing starts on one"),
        ("enable_service greeter", ""),
    ],
)
def test_future_of_a_service_counts_if_that_may_be_enabled_there(
    tmp_path: Path, script: str, message: str
) -> None:
    drop_in(tmp_path, _GREETER, "40-greeter.py")
    (tmp_path / "extras.d/60-script.sh").write_text(script)
    with pytest.raises(PlanError, match=message) if message else nullcontext():
        check(tmp_path, "yield async_wait('greet@one')", "pass")


def test_settings_in_the_environment_are_for_the_controller_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENABLED_SERVICES", "greeter")
    drop_in(tmp_path, _GREETER, "40-greeter.py")
    with pytest.raises(PlanError, match="which nothing starts on one"):
        check(tmp_path, "yield async_wait('greet@one')", "pass")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("async_run in_bash true; async_wait in_bash@one", ""),
        ("async_wait $name@one; # async_wait no@one", ""),
        ("\nasync_wait in_bsh@one", r"60-script.sh:2: it waits for in_bsh@one, which nothing"),
        ('async_wait "a@tow"', r"60-script.sh:1: it waits for a@tow: there is no host tow; did"),
    ],
)
def test_waits_of_scripts_are_checked(tmp_path: Path, script: str, message: str) -> None:
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d/60-script.sh").write_text(script)
    with pytest.raises(PlanError, match=message) if message else nullcontext():
        check(tmp_path, "pass", "pass")
