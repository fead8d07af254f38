"""The base classes of the commands."""

import getopt
import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

from doit.cmd_base import DoitCmdBase
from doit.cmdparse import CmdOption, CmdParseError
from doit.exceptions import InvalidCommand, InvalidDodoFile

from doitstack.console.screens import open_standard_streams
from doitstack.errors import DoitstackError
from doitstack.planning.loaded_directory import loaded
from doitstack.planning.stack_directory import StackDirectory

INTERRUPTED = 130
"""The exit code of a shell for Ctrl-C."""

FOLLOW = {
    "name": "follow",
    "short": "f",
    "long": "follow",
    "type": bool,
    "default": False,
}


def disk_error_message(error: OSError, directory: StackDirectory) -> str:
    """Return the message about a disk error, and what to do."""
    what = f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    return f"{what}; look at the space and the rights in {directory.stack.dest}, then run it again"


class InterruptibleCommand(DoitCmdBase):  # type: ignore[misc]
    """A command that ends silently on Ctrl-C; a run of steps handles Ctrl-C itself."""

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the command."""
        try:
            code: int = super().parse_execute(in_args)
        except KeyboardInterrupt:
            return INTERRUPTED
        return code


class ShowCommand(InterruptibleCommand):
    """A command that only shows information about the stack directory."""

    doc_usage = ""
    doc_description: str | None = None

    def execute(self, params: Any, args: list[str]) -> int:
        """Show the information. The exit code is 3 if the stack directory has a mistake."""
        if args:
            raise InvalidCommand(f"{self.get_name()} takes no arguments: {' '.join(args)}")
        open_standard_streams()
        self.loader.setup(params)
        # If the reader goes away (`| head`), end silently, as other programs do.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try:
            sys.stdout.write(self.show(loaded().directory, params))
            sys.stdout.flush()
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        except OSError as error:
            # Otherwise Python tries to write again when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise InvalidCommand(f"{self.get_name()} cannot go on: {error}") from error
        return 0

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return the text to show."""
        raise NotImplementedError

    def completions(self, params: Any) -> Iterable[tuple[str, str]]:
        """Return the possible arguments of the command, each with a description."""
        return ()


class FollowCommand(ShowCommand):
    """A command with the option `-f`, whose options may come after a name."""

    def get_options(self) -> list[CmdOption]:
        """Return the options of doit and of the command: `-f` is not doit's short `--file` here."""
        options: list[CmdOption] = super().get_options()
        for option in options:
            if option.name == "dodoFile":
                option.short = ""
        return options

    def parse_execute(self, in_args: list[str]) -> int:
        """Put options before names, as doit needs them, and run."""
        return super().parse_execute(self._options_first(in_args))

    def _options_first(self, words: list[str]) -> list[str]:
        parser: Any = self.cmdparser
        try:
            found, names = getopt.gnu_getopt(words, parser.get_short(), parser.get_long())
        except getopt.GetoptError as error:
            raise CmdParseError(f"{self.get_name()}: {error}") from error
        options = [word for option in found for word in option if word]
        return [*options, "--", *names]
