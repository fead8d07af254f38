"""The base classes of the commands."""

import errno
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdOption
from doit.dependency import DbmDB, SqliteDB
from doit.exceptions import InvalidCommand, InvalidDodoFile
from doit.plugin import PluginEntry
from doit.runner import ERROR

from doitstack.cli.masked_streams import mask_standard_streams
from doitstack.cli.options import asks_for_help, options_first
from doitstack.console.screens import open_standard_streams
from doitstack.engine.doit_state import AtomicJsonDB
from doitstack.errors import DoitstackError, describe_error, shortage
from doitstack.planning.entry_points import entry_points
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.stack_directory import StackDirectory

INTERRUPTED = 130
"""The exit code of a shell for Ctrl-C."""

_OF_DEST = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)

FOLLOW = {
    "name": "follow",
    "short": "f",
    "long": "follow",
    "type": bool,
    "default": False,
}

JSON = {
    "name": "json",
    "long": "json",
    "type": bool,
    "default": False,
    "help": "print a list of JSON objects for programs, times in seconds",
}


def width() -> int:
    """Return the columns of the terminal, or the value of COLUMNS; 0 for a pipe or file.

    With 0, rows are not wrapped, so that other programs can read them.
    """
    is_known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return shutil.get_terminal_size().columns if is_known else 0


def system_error_message(error: OSError, directory: StackDirectory) -> str:
    """Return the message about what the system refuses, and what to do."""
    what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    lacking = shortage(error) if error.errno not in _OF_DEST else ""
    check = lacking or f"space and permissions in {directory.stack.dest}"
    return f"{what}; check {check}, then run it again"


def stop_services(directory: StackDirectory) -> None:
    """Stop all services despite earlier failures; report what prevents that."""
    try:
        directory.stack.stop_all()
    except (DoitstackError, OSError, ImportError) as error:
        sys.stderr.write(f"ERROR: services may still run: {describe_error(error)}\n")


@contextmanager
def standard_output(command: str) -> Iterator[None]:
    """Write to stdout until the end of the block, as other programs do.

    If the reader goes away (`| head`), the command ends silently. Raises InvalidCommand if the text
    cannot be written, for example to a full disk.
    """
    open_standard_streams()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # Otherwise Python tries to write again when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise InvalidCommand(f"{command} cannot continue: {error}") from error


class InterruptibleCommand(DoitCmdBase):  # type: ignore[misc]
    """A command with `-h`, whose options may come after names, and that ends silently on Ctrl-C.

    A run of steps handles Ctrl-C itself.
    """

    doc_usage = "[OPTION...]"
    doc_description: str | None = None
    doc_examples: tuple[str, ...] = ()

    def __init__(self, task_loader: Any, cmds: Any = None, **kwargs: Any) -> None:
        """Keep `cmds`, doit's dictionary of all commands."""
        # doit uses the standard streams that exist when it makes a command.
        open_standard_streams()
        mask_standard_streams()
        super().__init__(task_loader=task_loader, cmds=cmds, **kwargs)
        self.commands: Any = {} if cmds is None else cmds

    def get_backends(self) -> dict[str, Any]:
        """Return doit's backends, with a JSON backend that survives a crash."""
        backends = {"dbm": DbmDB, "json": AtomicJsonDB, "sqlite3": SqliteDB}
        for name, location in self.config.get("BACKEND", {}).items():
            backends[name] = PluginEntry("BACKEND", name, location).get()
        # doit itself would read the entry points of all distributions again.
        backends |= {entry.name: entry.load() for entry in entry_points("doit.BACKEND")}
        if "backend" in self.cmdparser:
            choices = {name: getattr(kind, "desc", "") for name, kind in backends.items()}
            self.cmdparser["backend"].choices = choices
        return backends

    def other(self, name: str) -> Any:
        """Return the command `name`, for the same stack directory."""
        return self.commands.get_plugin(name)(
            task_loader=self.loader,
            config=self.config,
            bin_name=self.bin_name,
            cmds=self.commands,
            opt_vals=self.opt_vals,
        )

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the command, or show its help."""
        try:
            if asks_for_help(in_args):
                return self.show_help(in_args)
            code: int = super().parse_execute(self.arranged(in_args)) or 0
        except KeyboardInterrupt:
            return INTERRUPTED
        except (OSError, ImportError) as error:
            # For a run, DEST is known and named; here the error may come before that.
            if not (lacking := shortage(error)):
                raise
            sys.stderr.write(
                f"ERROR: {describe_error(error)}; check {lacking}, then run it again\n"
            )
            return int(ERROR)
        return code

    def arranged(self, words: list[str]) -> list[str]:
        """Return the words as doit's parser needs them. Raises CmdParseError."""
        return options_first(self.get_name(), self.cmdparser, words)

    def show_help(self, _words: list[str]) -> int:
        """Show the help of the command. Return the exit code."""
        with standard_output(self.get_name()):
            sys.stdout.write(self.help())
        return 0

    def help(self) -> str:
        """Return the help of this command."""
        from doitstack.cli.help_text import command_help  # noqa: PLC0415 - not for each command

        return command_help(
            self.get_name(),
            self.doc_purpose,
            usage=self.doc_usage,
            description=self.doc_description or "",
            examples=self.doc_examples,
            options=self.cmdparser.options,
        )


class ShowCommand(InterruptibleCommand):
    """A command that only shows information about the stack directory."""

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the information. The exit code is 3 if the stack directory has a mistake."""
        if args:
            raise InvalidCommand(f"{self.get_name()} takes no arguments: {' '.join(args)}")
        with standard_output(self.get_name()):
            self.loader.setup(params)
            try:
                sys.stdout.write(self.show(loaded().directory, params))
            except DoitstackError as error:
                raise InvalidDodoFile(str(error)) from error
        return 0

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the text to show."""
        raise NotImplementedError

    def completions(self, params: Any) -> Iterable[tuple[str, str]]:
        """Return the possible arguments of the command, each with a description."""
        return ()


class FollowCommand(ShowCommand):
    """A command with the option `-f` that follows, where others have doit's `-f` for `--file`."""

    def get_options(self) -> list[CmdOption]:
        """Return the options of doit and of the command."""
        options: list[CmdOption] = super().get_options()
        for option in options:
            if option.name == "dodoFile":
                option.short = ""
        return options
