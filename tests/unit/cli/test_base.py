"""The base classes of commands."""

import errno
from pathlib import Path
from typing import Any

import pytest
from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdParseError

from doitstack.cli.base import (
    INTERRUPTED,
    FollowCommand,
    InterruptibleCommand,
    stop_services,
    system_error_message,
)
from doitstack.cli.log import Log
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.planning.stack_directory import StackDirectory


class Interrupted(InterruptibleCommand):
    doc_purpose = ""
    doc_usage = ""
    doc_description = None

    def execute(self, params: Any, args: list[str]) -> int:
        raise KeyboardInterrupt


def test_interrupted_command_ends_silently(capfd: pytest.CaptureFixture[str]) -> None:
    assert Interrupted(task_loader=Loader()).parse_execute([]) == INTERRUPTED
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EMFILE, "Too many open files"),
        ImportError("pyexpat.so: cannot open shared object file: Too many open files"),
    ],
)
def test_command_without_what_it_needs_of_the_machine_is_one_line(
    error: Exception, capfd: pytest.CaptureFixture[str]
) -> None:
    class Crowded(Interrupted):
        def execute(self, params: Any, args: list[str]) -> int:
            raise error

    assert Crowded(task_loader=Loader()).parse_execute([]) == 2
    assert capfd.readouterr().err == (
        f"ERROR: {type(error).__name__}: {error}; check open files (`ulimit -n`), "
        f"then run it again\n"
    )


class Loader:
    cmd_options = ()


def test_unknown_option_names_the_command() -> None:
    with pytest.raises(CmdParseError, match="log: option --no-such not recognized"):
        Log(task_loader=Loader()).parse_execute(["--no-such"])


def test_short_f_follows() -> None:
    command = Log(task_loader=Loader())
    assert isinstance(command, FollowCommand)
    assert [option.name for option in command.get_options() if option.short == "f"] == ["follow"]


def test_backends_are_those_of_doit_and_of_plugins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_points = tmp_path / "demo-1.dist-info" / "entry_points.txt"
    entry_points.parent.mkdir()
    entry_points.write_text("[doit.BACKEND]\ninstalled = doit.dependency:JsonDB\n")
    monkeypatch.syspath_prepend(tmp_path)
    config = {"BACKEND": {"configured": "doit.dependency:DbmDB"}}

    command = Log(task_loader=Loader(), config=config)

    backends = command.get_backends()
    own = DoitCmdBase.get_backends(command)
    assert {**own, "json": AtomicJsonDB} == backends
    assert {"installed", "configured"} < set(backends) == set(command.cmdparser["backend"].choices)


@pytest.mark.parametrize(
    ("number", "look"),
    [
        (errno.ENOSPC, "space and permissions in DEST"),
        (errno.EACCES, "space and permissions in DEST"),
        (errno.EAGAIN, "memory and processes (`ulimit -u`)"),
        (errno.EMFILE, "open files (`ulimit -n`)"),
    ],
)
def test_error_of_the_system_says_where_to_look(tmp_path: Path, number: int, look: str) -> None:
    directory = StackDirectory(tmp_path, {})
    error = OSError(number, "No", "/x/y")
    look = look.replace("DEST", f"{tmp_path}/.stack")
    assert system_error_message(error, directory) == f"No: /x/y; check {look}, then run it again"


def test_services_that_cannot_be_stopped_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = StackDirectory(tmp_path, {})
    (tmp_path / ".stack" / "supervisor" / "supervisor.sock").mkdir(parents=True)
    stop_services(directory)
    assert capsys.readouterr().err.startswith("ERROR: services may still run: IsADirectoryError: ")
