"""What the commands share that show something again while a run goes on."""

import getopt
from typing import Any

from doit.cmdparse import CmdOption, CmdParseError

from doitstack.cli.base import StackCommand

FOLLOW = {
    "name": "follow",
    "short": "f",
    "long": "follow",
    "type": bool,
    "default": False,
}


class FollowCommand(StackCommand):
    """A command with `-f`, and options that may stand behind a name."""

    def get_options(self) -> list[CmdOption]:
        """Return doit's options and ours: `-f` is ours, `--file` keeps its long name."""
        options: list[CmdOption] = super().get_options()
        for option in options:
            if option.name == "dodoFile":
                option.short = ""
        return options

    def parse_execute(self, in_args: list[str]) -> int:
        """Put options before names, as doit wants them, and run."""
        return super().parse_execute(self._options_first(in_args))

    def _options_first(self, words: list[str]) -> list[str]:
        parser: Any = self.cmdparser
        try:
            found, names = getopt.gnu_getopt(words, parser.get_short(), parser.get_long())
        except getopt.GetoptError as error:
            raise CmdParseError(f"{self.get_name()}: {error}") from error
        options = [word for option in found for word in option if word]
        return [*options, "--", *names]
