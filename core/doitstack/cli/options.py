"""The options on a command line: they may come before and after the names. Runs no command."""

import getopt
from collections.abc import Sequence

from doit.cmdparse import CmdOption, CmdParse, CmdParseError

from doitstack.suggestions import did_you_mean

HELP = ("-h", "--help")


def asks_for_help(words: Sequence[str]) -> bool:
    """Return whether one of the words is `-h` or `--help`; words after `--` are no options."""
    options = words[: words.index("--")] if "--" in words else words
    return any(word in HELP for word in options)


def options_first(command: str, parser: CmdParse, words: Sequence[str]) -> list[str]:
    """Return the words as doit's parser needs them: options in their long form, `--`, and names.

    Raises CmdParseError for an unknown option and for a value of the wrong kind.
    """
    options, names = split_options(command, parser, words)
    return [*options, "--", *names]


def split_options(
    command: str, parser: CmdParse, words: Sequence[str], *, stops_at_name: bool = False
) -> tuple[list[str], list[str]]:
    """Return the options, each as one word if it has a long form, and the other words.

    With `stops_at_name`, all words from the first name on are other words.
    """
    read = getopt.getopt if stops_at_name else getopt.gnu_getopt
    try:
        found, names = read(list(words), parser.get_short(), parser.get_long())
    except getopt.GetoptError as error:
        raise CmdParseError(_refusal(command, parser, error)) from error
    return [word for pair in found for word in _spelled(command, parser, *pair)], names


def _refusal(command: str, parser: CmdParse, error: getopt.GetoptError) -> str:
    is_unknown = "not recognized" in error.msg and len(error.opt) > 1
    known = (f"--{name.rstrip('=')}" for name in parser.get_long())
    nearest = did_you_mean(f"--{error.opt}", known) if is_unknown else ""
    return f"{command}: {error.msg}{nearest or ';'} `doit help {command}` lists the options"


def _spelled(command: str, parser: CmdParse, spelling: str, value: str) -> list[str]:
    option, is_inverse = parser.get_option(spelling)
    if option.type is bool:
        name = option.inverse if is_inverse else option.long
        return [f"--{name}" if name else spelling]
    _check_value(command, option, spelling, value)
    return [f"--{option.long}={value}"] if option.long else [spelling, value]


def _check_value(command: str, option: CmdOption, spelling: str, value: str) -> None:
    """Raise CmdParseError if the option does not take this value."""
    if option.type is int:
        try:
            int(value)
        except ValueError:
            raise CmdParseError(f"{command}: {spelling} {value}: use a whole number") from None
    if option.choices and value not in option.choices:
        raise CmdParseError(
            f"{command}: {spelling} {value}: use {', '.join(option.choices)}"
            f"{did_you_mean(value, option.choices)}"
        )
