"""Read `local.conf` and `localrc`. Depends on the format and on bash, but on no single setting."""

import codecs
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from doitstack.errors import SettingsError
from doitstack.private_files import write_private
from doitstack.suggestions import did_you_mean

EVALUATOR = Path(__file__).parents[1] / "bash" / "evaluate_localrc.sh"
_BAD_SYNTAX = 2
"""The exit code of the evaluator for a syntax error: nothing was evaluated."""

_NOT_FOUND = ": command not found"

_USUAL = ("enable_service", "disable_service", "disable_all_services", "enable_plugin", "source")
"""The commands that users have in local.conf."""

# As DevStack's awk reads it: group and file are in the first word of the line.
_HEADER = r"\[\[([\w.-]+(?::[\w.-]+)?)\|([^\s|\[\]]+)\]\]\s*(?:\s#.*)?"
_BROKEN_HEADER = r"\[\[\s*[\w.-]+\s*\|[^|].*|\[\[[\w.-]+\]\].*"


class Section(NamedTuple):
    """One `[[group|file]]` of a local.conf; `first_line` is the number of the line after it."""

    group: str
    file: str
    first_line: int
    lines: tuple[str, ...]


class PluginRepository(NamedTuple):
    """One `enable_plugin NAME URL [REF]`."""

    name: str
    url: str
    ref: str


class LocalSettings(NamedTuple):
    """The content of the user's files: variables, plugin repositories, sections of `local.conf`.

    `script` is the file that was evaluated, `warnings` its commands that failed.
    """

    variables: dict[str, str]
    plugins: tuple[PluginRepository, ...] = ()
    sections: tuple[Section, ...] = ()
    script: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_ignored(self) -> bool:
        """Whether the localrc section of `local.conf` is ignored, since a file `localrc` exists."""
        is_plain = self.script is not None and self.script.name == "localrc"
        return is_plain and any(map(_is_localrc, self.sections))

    def place_of(self, word: str) -> str:
        """Return FILE:LINE of the first line of the settings with `word`, or "" if none has it."""
        if self.script is None:
            return ""
        lines = self.script.read_text(encoding="utf-8", errors="replace").splitlines()
        pattern = rf"(?<![\w-]){re.escape(word)}(?![\w-])"
        for number, line in enumerate(lines, start=1):
            if re.search(pattern, line.partition("#")[0]):
                return f"{self.script}:{number}"
        return ""


def _is_localrc(section: Section) -> bool:
    return (section.group, section.file) == ("local", "localrc")


def parse_sections(text: str, path: Path) -> tuple[Section, ...]:
    """Return the sections of a local.conf in their order.

    Raises SettingsError, with file and line, for a broken header, or settings before the first one.
    """
    sections: list[Section] = []
    lines: list[str] = []
    header: tuple[str, str, int] | None = None
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if match := re.fullmatch(_HEADER, line):
            if header:
                sections.append(Section(*header, tuple(lines)))
            header, lines = (match[1], match[2], number + 1), []
            continue
        _check_line(line, f"{path}:{number}", has_section=header is not None)
        lines.append(line)
    if header:
        sections.append(Section(*header, tuple(lines)))
    return tuple(sections)


def _check_line(line: str, place: str, *, has_section: bool) -> None:
    if re.fullmatch(_BROKEN_HEADER, line):
        raise SettingsError(f"{place}: broken section header {line!r}; write [[group|file]]")
    if not has_section and line.strip() and not line.lstrip().startswith("#"):
        raise SettingsError(
            f"{place}: {line.strip()!r} is before the first section and would be ignored; "
            f"put [[local|localrc]] before it"
        )


class _Answer(NamedTuple):
    """The end of the evaluation of a script; `stderr` names the user's file."""

    code: int
    stdout: bytes
    stderr: str


def read_local_settings(top_dir: Path, variables: Mapping[str, str]) -> LocalSettings:
    """Evaluate the user's settings with bash, which gets `variables` first.

    A plain `localrc` is preferred to `[[local|localrc]]` of `local.conf`, as in DevStack. Raises
    SettingsError, with file and line, if a file is broken.
    """
    conf, localrc = top_dir / "local.conf", top_dir / "localrc"
    # A broken link is an error: the user does not want the defaults.
    has_conf, has_localrc = os.path.lexists(conf), os.path.lexists(localrc)
    sections = parse_sections(_text(conf), conf) if has_conf else ()
    if has_localrc:
        return _evaluate(localrc, _text(localrc), sections, variables)
    if has_conf:
        return _evaluate(conf, _script_of(sections), sections, variables)
    return LocalSettings({})


def session_script(local: LocalSettings, directory: Path) -> Path | None:
    """Return the script that a bash session sources for the user's settings, if there are any.

    Side effect: for a `local.conf`, its localrc sections are written to `directory`.
    """
    if local.script is None or local.script.name == "localrc":
        return local.script
    path = directory / ".localrc.auto"
    write_private(path, _script_of(local.sections))
    return path


def _text(path: Path) -> str:
    if path.is_fifo():
        raise SettingsError(f"{path}: cannot be read: it is a FIFO")
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(f"{path}: cannot be read: {reason}") from error
    if text.startswith(codecs.BOM_UTF8.decode()):
        raise SettingsError(byte_order_mark(path))
    before, windows, _ = text.partition("\r\n")
    if windows:
        raise SettingsError(windows_line_ends(path, before.count("\n") + 1))
    return text


def byte_order_mark(path: Path) -> str:
    """Return the message about a file that begins with a byte order mark, and how to remove it."""
    return f"{path}:1: begins with a byte order mark; fix: sed -i '1s/^\\xEF\\xBB\\xBF//' {path}"


def windows_line_ends(path: Path, line: int) -> str:
    """Return the message about a script with Windows line endings, and how to remove them."""
    return f"{path}:{line}: has Windows line endings; fix: sed -i 's/\\r$//' {path}"


def _script_of(sections: tuple[Section, ...]) -> str:
    """Return the localrc sections; each line has the same number as in local.conf."""
    script: list[str] = []
    for section in sections:
        if _is_localrc(section):
            script += [""] * (section.first_line - 1 - len(script))
            script += section.lines
    return "\n".join(script) + "\n"


def _evaluate(
    path: Path, script: str, sections: tuple[Section, ...], variables: Mapping[str, str]
) -> LocalSettings:
    answer = _run_evaluator(path, script, variables)
    parts = answer.stderr.split("\0")
    records = list(_records(answer.stdout))
    for kind, line, what, _ in records:
        if kind == "mistake":
            lines = dict(enumerate(script.split("\n"), start=1))
            # In `$(` over several lines, bash counts some of them twice.
            text = lines.get(int(line), "") if line.isdecimal() else ""
            raise SettingsError(f"{path}:{line}: {what}{_remedy(what, text)}")
    if ("end", "", "", "") not in records:
        is_syntax = answer.code == _BAD_SYNTAX
        raise SettingsError(_error_message("".join(parts[::3]), path, is_syntax=is_syntax))
    known = {**os.environ, **variables}
    return LocalSettings(
        {
            name: value
            for kind, name, value, _ in records
            if kind == "variable" and known.get(name) != value
        },
        tuple(PluginRepository(*fields) for kind, *fields in records if kind == "plugin"),
        sections,
        path,
        tuple(_failures(parts, path)),
    )


def _remedy(mistake: str, line: str) -> str:
    """Return what to do about a command of a line that does not exist, if that is known."""
    name = mistake.removesuffix(_NOT_FOUND)
    if name == mistake:
        return ""
    if re.match(rf"\s*{re.escape(name)}\s+=", line):
        return f"; bash takes no blanks around `=`: write {name}=VALUE"
    if assigned := re.match(rf"\s*(\w+)=\S*\s+{re.escape(name)}(\s|$)", line):
        return f"; quote a value that has blanks: {assigned[1]}='...'"
    return did_you_mean(name, _USUAL)


def _run_evaluator(path: Path, script: str, variables: Mapping[str, str]) -> _Answer:
    from doitstack.processes.program import without_functions  # noqa: PLC0415 - for this file

    copy = os.memfd_create("localrc")
    with os.fdopen(copy, "w", encoding="utf-8", newline="") as file:
        file.write(script)
        file.flush()
        name = f"/proc/self/fd/{copy}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", str(EVALUATOR), name],
            env={**without_functions(os.environ), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            cwd=path.parent,
            pass_fds=[copy],
        )
    stderr = done.stderr.decode(errors="replace").replace(name, str(path))
    return _Answer(done.returncode, done.stdout, stderr)


def _failures(parts: Sequence[str], path: Path) -> Iterator[str]:
    """Yield FILE:LINE and the reason of each failed command: its last message, or its exit code."""
    for message, line, code in zip(parts[::3], parts[1::3], parts[2::3], strict=False):
        reason = message.strip().rpartition("\n")[2].removeprefix(f"{path}: line {line}: ")
        yield f"{path}:{line}: {reason or f'a command ended with code {code}'}"


def _error_message(complaints: str, path: Path, *, is_syntax: bool) -> str:
    """Turn bash's `FILE: line N: message` into `FILE:N: message`.

    The first line is the reason of a syntax error, the last line is that of any other error.
    """
    errors = [line for line in complaints.splitlines() if line.startswith(f"{path}: line ")]
    if not errors:
        last = complaints.strip().rpartition("\n")[2]
        return f"{path}: bash ended before the end of the file{last and f': {last}'}"
    return re.sub(r"^(.*?): line (\d+): ", r"\1:\2: ", errors[0 if is_syntax else -1])


def _records(output: bytes) -> Iterator[tuple[str, str, str, str]]:
    fields = output.decode(errors="surrogateescape").split("\0")
    return zip(*[iter(fields)] * 4, strict=False)
