"""`python -m doitstack init`: make a stack directory."""

import argparse
import os
import shlex
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from doitstack.cli import COMMANDS, command_name
from doitstack.config.directory_owners import refuse_planted
from doitstack.config.stack_files import DROP_INS, stack_files
from doitstack.errors import SettingsError

_CONFIGURATION = "doit.cfg"


def main(arguments: Sequence[str]) -> int:
    """Make a stack directory; keep the files that it has. Return the exit code.

    Raises SettingsError, having written nothing, if `doit` has another meaning there already.
    """
    parser = argparse.ArgumentParser(prog="python -m doitstack init")
    parser.add_argument("directory", type=Path, metavar="DIR")
    directory: Path = parser.parse_args(arguments).directory
    try:
        _refuse_other_users(directory)
        _refuse_others(directory)
        for name, text in stack_directory_files().items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if _is_missing(path):
                path.write_text(text, encoding="utf-8")
                sys.stdout.write(f"wrote {path}\n")
            elif name == _CONFIGURATION:
                _add_commands(path)
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}"
        raise SettingsError(f"{directory} cannot be made a stack directory: {reason}") from error
    sys.stdout.write(f"now: cd {shlex.quote(str(directory))} && {_doit()} stack\n")
    return 0


def stack_directory_files() -> dict[str, str]:
    """Return the files of a new stack directory: their names and texts."""
    files = {name: path.read_text(encoding="utf-8") for name, path in stack_files().items()}
    return {**files, _CONFIGURATION: _doit_cfg()}


def _doit_cfg() -> str:
    commands = [f"{command_name(name)} = doitstack.commands:{name}" for name in COMMANDS]
    loader = (
        "[GLOBAL]",
        "loader = doitstack",
        "",
        "[LOADER]",
        "doitstack = doitstack.commands:Loader",
    )
    return "\n".join((*loader, "", "[COMMAND]", *commands, ""))


def _add_commands(path: Path) -> None:
    """Add the commands that a `doit.cfg` of an earlier version lacks."""
    text = path.read_text(encoding="utf-8")
    lines = [f"{command_name(name)} = doitstack.commands:{name}" for name in COMMANDS]
    missing = [line for line in lines if line not in text.splitlines()]
    if missing and "[COMMAND]\n" in text:
        added = "".join(f"{line}\n" for line in missing)
        path.write_text(text.replace("[COMMAND]\n", f"[COMMAND]\n{added}"), encoding="utf-8")
        sys.stdout.write(f"added commands to {path}\n")


def _is_missing(path: Path) -> bool:
    """Return whether there is no such file, or nothing in it."""
    return not path.exists() or (path.is_file() and not path.read_bytes().strip())


def _refuse_other_users(directory: Path) -> None:
    """Raise SettingsError if other users can change the directory, or have put links into it."""
    refuse_planted("DIR", directory.absolute())
    if directory.is_dir():
        found = directory.stat()
        is_theirs = found.st_uid not in {0, os.geteuid()} and os.geteuid() != 0
        if is_theirs or found.st_mode & stat.S_IWOTH:
            raise SettingsError(f"other users can change {directory}; choose another directory")
    for name in (DROP_INS, *stack_directory_files()):
        path = directory / name
        if path.is_symlink() and path.lstat().st_uid not in {0, os.geteuid()}:
            raise SettingsError(f"{path} is a link of another user; choose another directory")


def _refuse_others(directory: Path) -> None:
    for path in (directory / "dodo.py", directory / "doit.cfg"):
        if not _is_missing(path) and "doitstack" not in path.read_text(errors="replace"):
            raise SettingsError(
                f"{path} is not a file of a stack directory; choose another directory"
            )


def _doit() -> str:
    """Return the command that runs the `doit` of this Python in the user's shell."""
    own, found = Path(sys.executable).with_name("doit"), shutil.which("doit")
    is_found = found is not None and own.exists() and own.samefile(found)
    return "doit" if is_found or not own.exists() else shlex.quote(str(own))
