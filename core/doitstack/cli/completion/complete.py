"""`python -m doitstack complete WORD...`: the completions of a `doit` command line.

They come from doit, its commands and the stack directory. The scripts for bash and zsh ask for them
at each TAB, so they are never out of date. A stack directory is read only if one of its tasks or
logs may come next.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from doit.cmd_base import get_loader
from doit.cmdparse import CmdOption, CmdParse, CmdParseError
from doit.doit_cmd import DoitMain

Word = tuple[str, str]
"""A word and its description."""


def main(arguments: Sequence[str]) -> int:
    """Print the completions of the last of the words after `doit`. Return the exit code."""
    for word, description in completions(arguments):
        sys.stdout.write(f"{word}\t{description}\n")
        sys.stdout.flush()
    return 0


def completions(words: Sequence[str]) -> Iterator[Word]:
    """Yield the completions of the last of `words`, the words after `doit`.

    Names of tasks are completed level by level: `stack:`, `stack:install:`. There are no
    completions for the value of an option without choices; it may be a file.
    """
    *before, current = words or [""]
    return _by_level(_Line(before).words(current), current)


class _Line:
    """A command line up to the word to complete."""

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
        """Return the options before the command, and the words after them."""
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
        """Yield all words that are possible here; `current` decides only of which kind."""
        option = self._option(self._before[-1]) if self._before else None
        name, is_value, _ = current.partition("=")
        if option:
            yield from _choices(option)
        elif current.startswith("--") and is_value:
            option = self._option(name)
            yield from ((f"{name}={value}", description) for value, description in _choices(option))
        elif current.startswith("-"):
            yield from (word for option in self._options for word in _spellings(option))
        else:
            yield from self._arguments()

    def _option(self, word: str) -> CmdOption | None:
        """Return the option that `word` spells, if it takes a value."""
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
        """Return the options as the command gets them."""
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
        # `list` creates all tasks and runs none. Its state is not opened.
        for task in loader.load_tasks(cmd=self._make("list"), pos_args=[]):
            if not task.name.startswith("_"):
                yield task.name, task.doc or ""


def _choices(option: CmdOption | None) -> Iterable[Word]:
    return option.choices.items() if option else ()


def _spellings(option: CmdOption) -> Iterator[Word]:
    description = (option.help % {"default": option.default}).partition("\n")[0]
    if option.short:
        yield f"-{option.short}", description
    if option.long:
        yield f"--{option.long}{'' if option.type is bool else '='}", description
    if option.inverse:
        yield f"--{option.inverse}", f"opposite of --{option.long}"


def _by_level(words: Iterable[Word], current: str) -> Iterator[Word]:
    """Yield the words that begin with `current`, up to their next colon, each once."""
    seen = set()
    for word, description in words:
        colon = word.find(":", len(current))
        part = word if colon < 0 else word[: colon + 1]
        if word.startswith(current) and part not in seen:
            seen.add(part)
            yield part, "" if part != word else description
