"""Mistakes and warnings in scripts, drop-ins and steps, before anything runs."""

import os
from pathlib import Path

import pytest

from doitstack.errors import PlanError
from doitstack.planning.stack_directory import StackDirectory
from tests.unit.planning.drop_ins import drop_in


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
    expected = f"{script}: 00-09 and 90-99 are reserved for doitstack; use 10 to 89"
    assert expected in directory.warnings()


def test_password_that_is_a_name_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "local.conf").write_text("[[local|localrc]]\nADMIN_PASSWORD=tempest-x\n")
    environ = {"ENABLED_SERVICES": "tempest-x", "PATH": os.environ["PATH"]}
    expected = (
        "ADMIN_PASSWORD is not masked: its value is the name of a service or plugin; choose another"
    )
    assert expected in StackDirectory(tmp_path, environ).warnings()


SCRIPT = """\
build_it() { :; }
if [[ $2 == install ]]; then
    async_run build %s
    async_wait %s
fi
"""


def _with_script(top: Path, command: str, awaited: str) -> tuple[StackDirectory, Path]:
    script = top / "extras.d" / "50-demo.sh"
    script.parent.mkdir()
    script.write_text(SCRIPT % (command, awaited))
    environ = {"ENABLED_SERVICES": ",", "PATH": os.environ["PATH"]}
    return StackDirectory(top, environ), script


def test_misspelt_command_of_a_future_of_a_script_is_refused(tmp_path: Path) -> None:
    directory, script = _with_script(tmp_path, "bulid_it", "build")
    with pytest.raises(PlanError) as raised:
        directory.check()
    assert str(raised.value) == (
        f"{script}:3: bulid_it: there is no such function or program; did you mean build_it?"
    )


def test_other_unknown_names_in_scripts_are_warned_of(tmp_path: Path) -> None:
    directory, script = _with_script(tmp_path, "no-such-program", "biuld nobody")
    directory.check()
    assert directory.warnings() == [
        f"{script}:3: no-such-program: there is no such function or program",
        f"{script}:4: async_wait biuld: nothing starts this future; did you mean build?",
    ]


@pytest.mark.parametrize("environ", [{"ENABLED_SERVICES": ","}, {}])
def test_misspelt_command_of_a_step_is_refused(tmp_path: Path, environ: dict[str, str]) -> None:
    drop_in(
        tmp_path,
        """
        from doitstack import shell

        @hookimpl
        def stack_install(stack):
            yield run(shell("instal_package x"))
            yield run(shell("$COMMAND"))
    """,
    )
    directory = StackDirectory(tmp_path, {**environ, "PATH": os.environ["PATH"]})
    with pytest.raises(PlanError, match=r"^plugin demo: instal_package: there .* install_package"):
        directory.check()


def test_what_a_plugin_may_have_that_is_not_here_yet_is_a_warning(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text(
        "[[local|localrc]]\nENABLED_SERVICES=tides\nenable_plugin moon file:///nonexistent\n"
    )
    drop_in(
        tmp_path,
        """
        from doitstack import async_wait

        @hookimpl
        def stack_extra(stack):
            yield async_wait("install_moon")
        """,
    )
    directory = StackDirectory(tmp_path, {"PATH": os.environ["PATH"]})
    directory.check()
    warnings = directory.warnings()
    assert f"{conf}:2: no plugin has the service tides" in warnings
    place = f"{tmp_path / 'extras.d/50-demo.py'}:8"
    assert f"{place}: plugin demo waits for install_moon, which no plugin starts" in warnings
