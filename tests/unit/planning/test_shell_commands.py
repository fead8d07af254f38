"""Commands of the bash session that do not exist are found in texts."""

from pathlib import Path

import pytest

from doitstack.planning.shell_commands import ShellCommands, UnknownCommand

PATH = "/usr/bin:/bin"


def _unknown(text: str, **others: str) -> list[UnknownCommand]:
    texts = {Path("a.sh"): text, **{Path(name): other for name, other in others.items()}}
    commands = ShellCommands(texts, PATH)
    return list(commands.unknown(commands.calls_of_futures()))


def test_misspelt_command_of_a_future_is_certain_to_be_a_mistake() -> None:
    (unknown,) = _unknown("build_it() { :; }\n\nasync_run --lock apt b bulid_it now\n")
    assert unknown.is_certain
    assert str(unknown) == (
        "a.sh:3: bulid_it: there is no such function or program; did you mean build_it?"
    )


@pytest.mark.parametrize(
    ("text", "is_certain"),
    [
        ("async_run b instal_package x", True),
        ("async_runfunc install_packages", True),
        ("if x; then async_run b instal_package; fi", True),
        ("async_run b no-such-program-anywhere", False),
        ("source $DEST/more_functions\nasync_run b instal_package", False),
        ("source $TOP_DIR/functions; . b.sh\nasync_run b instal_package", True),
    ],
)
def test_other_unknown_command_is_uncertain(text: str, is_certain: bool) -> None:
    assert [one.is_certain for one in _unknown(text, **{"b.sh": ":"})] == [is_certain]


@pytest.mark.parametrize(
    "text",
    [
        "async_run b build_it\nfunction build_it {\n:\n}\n",
        "async_run b pip_install x",
        "function b.c { :; }; async_runfunc b.c",
        "true && { d.e() { :; }; async_run x d.e; }",
        "async_run b sleep 1",
        "async_run b echo 1",
        "async_run b time sleep 1",
        "async_run b start_ovn",
        'async_run b "$command"',
        "async_run b ./build.sh",
        "async_run b $TOP_DIR/build.sh",
        "# async_run b bulid_it",
        "async_wait b",
    ],
)
def test_other_commands_exist_or_cannot_be_checked(text: str) -> None:
    assert _unknown(text) == []
