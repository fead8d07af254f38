"""What a shell can complete behind `doit`, as doit, its commands and the stack directory declare.

The scripts for bash and zsh ask for it at each TAB, so that nothing of it is ever out of date. A
stack is looked at only where one of its tasks or logs may stand.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any

from doit.cmd_base import get_loader
from doit.cmdparse import CmdOption, CmdParse, CmdParseError
from doit.doit_cmd import DoitMain

SHELLS = ("bash", "zsh")

Word = tuple[str, str]
"""A word, and what is to be said of it."""


def script(shell: str) -> str:
    """Return what `shell` is to source."""
    text = (Path(__file__).parent / f"doit.{shell}").read_text(encoding="utf-8")
    return text.replace("@PYTHON@", quote(sys.executable))


def completions(words: Sequence[str]) -> Iterator[Word]:
    """Yield what the last of `words`, those behind `doit`, may become.

    Names of tasks go on level by level: `stack:`, `stack:install:`. Nothing comes where a value is
    wanted of which nothing is known, perhaps a file.
    """
    *before, current = words or [""]
    return _by_level(_Line(before).words(current), current)


class _Line:
    """A command line, as far as it stands before the word to complete."""

    def __init__(self, before: Sequence[str]) -> None:
        doit = DoitMain()
        self._commands = doit.get_cmds()
        self._parts = {
            "task_loader": get_loader(doit.config, None, self._commands),
            "config": doit.config,
            "cmds": self._commands,
        }
        given, rest = self._loader_options(before)
        self._parts["opt_vals"] = given
        self._has_command = bool(rest)
        name = rest.pop(0) if rest and rest[0] in self._commands else "run"
        self._command = self._make(name)
        self._before = rest

    def _loader_options(self, before: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
        """Return the options that may stand before a command, and the words behind them."""
        loader: Any = self._parts["task_loader"]
        parser = CmdParse([CmdOption(option) for option in loader.cmd_options])
        try:
            given, rest = parser.parse_only(before)
        except CmdParseError:
            return {}, list(before)
        return given, list(rest)

    def _make(self, name: str) -> Any:
        return self._commands.get_plugin(name)(**self._parts)

    @cached_property
    def _options(self) -> list[CmdOption]:
        options: list[CmdOption] = self._command.get_options()
        return options

    def words(self, current: str) -> Iterator[Word]:
        """Yield all that may stand here, whatever it begins with."""
        option = self._option(self._before[-1]) if self._before else None
        name, is_value, _ = current.partition("=")
        if option:
            yield from _choices(option)
        elif current.startswith("--") and is_value:
            option = self._option(name)
            yield from ((f"{name}={value}", about) for value, about in _choices(option))
        elif current.startswith("-"):
            yield from (word for option in self._options for word in _spellings(option))
        else:
            yield from self._arguments()

    def _option(self, word: str) -> CmdOption | None:
        """Return the option that `word` is if it takes a value."""
        for option in self._options:
            is_it = word in (
                option.short and f"-{option.short}",
                option.long and f"--{option.long}",
            )
            if word and is_it and option.type is not bool:
                return option
        return None

    def _arguments(self) -> Iterator[Word]:
        usage = self._command.doc_usage
        if not self._has_command or "COMMAND" in usage:
            for name in self._commands:
                yield name, self._commands.get_plugin(name).doc_purpose
        if "TASK" in usage:
            yield from self._tasks()
        if hasattr(self._command, "completions"):
            yield from self._command.completions(self._parameters())

    def _parameters(self) -> dict[str, Any]:
        """Return the options as the command will see them."""
        parameters: dict[str, Any]
        try:
            parameters, _ = self._command.cmdparser.parse(self._before)
        except CmdParseError:
            parameters, _ = self._command.cmdparser.parse([])
        parameters.update(self._command.opt_vals)
        return parameters

    def _tasks(self) -> Iterator[Word]:
        loader: Any = self._parts["task_loader"]
        loader.setup(self._parameters())
        loader.load_doit_config()
        # `list` wants all tasks made, and runs none. Its state is not opened.
        for task in loader.load_tasks(cmd=self._make("list"), pos_args=[]):
            if not task.name.startswith("_"):
                yield task.name, task.doc or ""


def _choices(option: CmdOption | None) -> Iterable[Word]:
    return option.choices.items() if option else ()


def _spellings(option: CmdOption) -> Iterator[Word]:
    about = (option.help % {"default": option.default}).partition("\n")[0]
    if option.short:
        yield f"-{option.short}", about
    if option.long:
        yield f"--{option.long}{'' if option.type is bool else '='}", about
    if option.inverse:
        yield f"--{option.inverse}", f"opposite of --{option.long}"


def _by_level(words: Iterable[Word], current: str) -> Iterator[Word]:
    """Yield the words that begin with `current`, up to their next colon, each once."""
    seen = set()
    for word, about in words:
        colon = word.find(":", len(current))
        part = word if colon < 0 else word[: colon + 1]
        if word.startswith(current) and part not in seen:
            seen.add(part)
            yield part, "" if part != word else about
