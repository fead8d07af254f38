"""A model of DevStack's ini functions: their sed expressions, in Python.

A name's "." stands for any character; the range of a section ends with the next line that begins
with "[" and holds a "]", also where that is a second header of the section.
"""

import re
from collections.abc import Iterator

_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class Model:
    """A file's text, changed as DevStack would change it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def iniset(self, section: str, option: str, value: str) -> None:
        if not section or not option:
            return
        value = " ".join(re.findall(r"[^ \t\n]+", value))
        if not self._headers(section):
            self.text += f"\n[{section}]\n"
        found = False
        for number, match in self._options(section, option):
            found = True
            self._replace(number, match[1] + value)
        if not found:
            self._insert(section, [f"{option} = {value}"])

    def inicomment(self, section: str, option: str) -> None:
        for number, match in self._options(section, option):
            self._replace(number, "#" + match[0])

    def iniuncomment(self, section: str, option: str) -> None:
        pattern = re.compile(rf"[^ \t]*#[ \t]*({_regex(option)}[ \t]*=.*)$")
        lines = self.text.splitlines(keepends=True)
        for number in self._inside(section):
            line = lines[number].removesuffix("\n")
            self._replace(number, pattern.sub(lambda match: match[1], line, count=1))

    def inidelete(self, section: str, option: str) -> None:
        gone = {number for number, _ in self._options(section, option)}
        lines = self.text.splitlines(keepends=True)
        self.text = "".join(line for number, line in enumerate(lines) if number not in gone)

    def iniadd_literal(self, section: str, option: str, value: str) -> None:
        self._insert(section, [f"{option} = {unescape(value)}"])

    def iniset_multiline(self, section: str, option: str, *values: str) -> None:
        if self._headers(section):
            self.inidelete(section, option)
        else:
            self.text += f"\n[{section}]\n"
        words = " ".join(values).split()
        self._insert(section, [f"{option} = {unescape(word)}" for word in words])

    def iniadd(self, section: str, option: str, *values: str) -> None:
        self.iniset_multiline(section, option, self.iniget_multiline(section, option), *values)

    def iniget(self, section: str, option: str) -> str:
        lines = "\n".join(match[0] for _, match in self._options(section, option))
        return " ".join(lines.partition("=")[2].split())

    def iniget_multiline(self, section: str, option: str) -> str:
        return " ".join(" ".join(match[2] for _, match in self._options(section, option)).split())

    def _lines(self) -> list[str]:
        return [line.removesuffix("\n") for line in self.text.splitlines(keepends=True)]

    def _headers(self, section: str) -> list[int]:
        pattern = re.compile(rf"\[{_regex(section)}\]")
        return [number for number, line in enumerate(self._lines()) if pattern.match(line)]

    def _inside(self, section: str) -> Iterator[int]:
        headers, inside = self._headers(section), False
        for number, line in enumerate(self._lines()):
            if inside and re.match(r"\[.*\]", line):
                inside = False
            elif number in headers:
                inside = True
            elif inside:
                yield number

    def _options(self, section: str, option: str) -> list[tuple[int, re.Match[str]]]:
        pattern = re.compile(rf"({_regex(option)}[ \t]*=[ \t]*)(.*)")
        lines = self._lines()
        found = ((number, pattern.match(lines[number])) for number in self._inside(section))
        return [(number, match) for number, match in found if match]

    def _replace(self, number: int, line: str) -> None:
        lines = self.text.splitlines(keepends=True)
        lines[number] = line + ("\n" if lines[number].endswith("\n") else "")
        self.text = "".join(lines)

    def _insert(self, section: str, new: list[str]) -> None:
        lines = self.text.splitlines(keepends=True)
        for number in self._headers(section):
            if new:
                lines[number] = lines[number].removesuffix("\n") + "\n" + "\n".join(new) + "\n"
        self.text = "".join(lines)


def unescape(value: str) -> str:
    """Return what sed makes of `value` as a text to append."""
    return re.sub(r"\\(.)", lambda match: _CONTROL.get(match[1], match[1]), value)


def _regex(name: str) -> str:
    return ".".join(re.escape(part) for part in name.split("."))
