"""What the commands share that only show what is known of a stack directory."""

import os
import signal
import sys
from collections.abc import Iterable
from typing import Any

from doit.exceptions import InvalidCommand, InvalidDodoFile

from doitstack.cli.interruptible import Interruptible
from doitstack.console.screens import open_standard_streams
from doitstack.dodo import loaded
from doitstack.errors import DoitstackError
from doitstack.planning.stack_directory import StackDirectory


class StackCommand(Interruptible):
    """A command that only shows what is known of the stack directory."""

    doc_usage = ""
    doc_description: str | None = None

    def execute(self, params: Any, args: list[str]) -> int:
        """Show it. Exit code 3 when the stack directory has a mistake."""
        if args:
            raise InvalidCommand(f"{self.get_name()} takes no arguments: {' '.join(args)}")
        open_standard_streams()
        self.loader.setup(params)
        # As with any program whose reader goes away (`| head`): it ends without a word.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        try:
            sys.stdout.write(self.show(loaded().directory, params))
            sys.stdout.flush()
        except DoitstackError as error:
            raise InvalidDodoFile(str(error)) from error
        except OSError as error:
            # Nor shall Python try once more when it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise InvalidCommand(f"{self.get_name()} cannot go on: {error}") from error
        return 0

    def show(self, directory: StackDirectory, params: Any) -> str:
        """Return what is to be shown."""
        raise NotImplementedError

    def completions(self, params: Any) -> Iterable[tuple[str, str]]:
        """Return what may stand behind the command in a shell, each with a word about it."""
        return ()
