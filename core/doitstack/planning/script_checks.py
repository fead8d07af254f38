"""Check scripts before they run: their syntax, and calls of functions that do not exist."""

import codecs
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from doitstack.config import devstack_tree
from doitstack.config.etc_links import PROJECTS, can_link
from doitstack.config.local_conf import byte_order_mark, windows_line_ends
from doitstack.config.settings import Settings
from doitstack.phases import STACK_PHASES
from doitstack.suggestions import did_you_mean

_BASH = Path(__file__).parents[1] / "bash"
_DEFINITION = r"(?:(?m:^)|[;&|{])[ \t]*(?:function\s+([\w.:+-]+)|([\w.:+-]+)\s*\(\))"
_KEYWORD = r"\b(?:then|do|elif|else|if|while|until|time|async_runfunc|async_run\s+\S+)\s"
# A lookahead, so that the word stays for the next match: after `if` comes another command.
_COMMAND = rf"(?:^|[;&|({{`]|{_KEYWORD})\s*(?:!\s*)?(?=([\w-]+))"

_SOURCE = rf"(?:^|[;&|({{`]|{_KEYWORD})\s*(?:!\s*)?(?:source|\.)\s+\"?\$\{{?TOP_DIR\}}?/([\w./-]+)"
_NOEXEC = (
    rf"(?m)(?:^|[;&|({{`]|{_KEYWORD})[ \t]*(?:(?:builtin|command)[ \t]+)?"
    r"set[ \t]+(?:-\w+[ \t]+)*(?:-(?=[a-z]*n)[a-z]+|-o[ \t]+noexec)\b"
)
_IN_ETC = (
    rf"^(?!\s*(?:#|ini|populate_ml2_config|policy_add)).*?/etc/({'|'.join(PROJECTS)})(?![\w-])"
)
NOEXEC = "set -n: bash would execute nothing more; check a script with `bash -n FILE`"
"""Why a command that switches execution off is refused: the session would hang."""

_PHASE = r"""["' ]stack["' ].*\$\{?2\}?["']?\s*==?\s*["']?([a-z][a-z_-]*)"""
_MODE = r"""\$\{?1\}?["']?\s*==?\s*["']?([a-z]+)["' ].*\$\{?2\}?["']?\s*==?\s*["']?[a-z]+-?[a-z]+"""
_PHASES = [phase.task.partition(":")[2] for phase in STACK_PHASES] + ["post-extra"]

_CHECKOUT = "set DEVSTACK_DIR to a checkout of it"
_INIT = "to write it: python -m doitstack init ."
_FIXES = dict.fromkeys(("functions", "openrc", "stackrc"), _INIT)


class Complaint(NamedTuple):
    """An error in a script that prevents its run, as bash reports it: `FILE:LINE: message`."""

    text: str
    is_error: bool


def complaints(scripts: Iterable[Path]) -> list[Complaint]:
    """Return at most one complaint for each script, as found by `bash -n`."""
    found = (_complaint(script) for script in dict.fromkeys(scripts))
    return [complaint for complaint in found if complaint]


def _complaint(script: Path) -> Complaint | None:
    try:
        text = script.read_bytes()
    except OSError as error:
        return Complaint(f"{script}: cannot be read: {error.strerror}", is_error=True)
    if text.startswith(codecs.BOM_UTF8):
        return Complaint(byte_order_mark(script), is_error=True)
    syntax = _syntax_complaint(script)
    is_error = bool(syntax and syntax.is_error)
    if b"\r\n" in (text if is_error else text.partition(b"\n")[0] + b"\n"):
        line = text[: text.index(b"\r\n")].count(b"\n") + 1
        return Complaint(windows_line_ends(script, line), is_error=True)
    if not is_error and (line := noexec_line(text.decode(errors="replace"))):
        return Complaint(f"{script}:{line}: {NOEXEC}", is_error=True)
    return syntax


def _syntax_complaint(script: Path) -> Complaint | None:
    """Return the first error that `bash -n` reports, or else its first warning."""
    answer = subprocess.run(
        ["bash", "-n", str(script)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    lines = answer.stderr.decode(errors="replace").splitlines()
    errors = [line for line in lines if ": warning: " not in line]
    # The exit code is 0 for some syntax errors, too.
    is_error = bool(answer.returncode or errors)
    if not lines and not is_error:
        return None
    first = (errors or lines or [f"{script}: syntax error"])[0]
    return Complaint(re.sub(r"^(.*?): line (\d+): ", r"\1:\2: ", first), is_error=is_error)


def noexec_line(text: str) -> int:
    """Return the number of the first line that switches execution off; 0 if none does."""
    found = re.search(_NOEXEC, text)
    return text[: found.end()].count("\n") + 1 if found else 0


def may_be_sourced(path: Path) -> bool:
    """Return whether `path`, below `devstack/` of a repository, looks like a file of functions.

    The files for Grenade and for CI jobs are not sourced by scripts.
    """
    return (
        path.suffix in {"", ".sh"}
        and path.parts[0] not in {"upgrade", "gate"}
        and not path.name.startswith(("README", "."))
    )


def read_scripts(scripts: Iterable[Path]) -> dict[Path, str]:
    """Return the texts of `scripts`, if they can be read."""
    texts = {}
    for path in dict.fromkeys(scripts):
        with suppress(OSError):
            texts[path] = path.read_text(encoding="utf-8", errors="replace")
    return texts


def world_warnings(texts: Mapping[Path, str], settings: Settings) -> list[str]:
    """Return warnings of what scripts expect as with DevStack, and what is not so here."""
    return [
        *unprovided_calls(texts),
        *missing_files(texts, partial(devstack_tree.has_file, settings)),
        *missing_configuration(texts, partial(can_link, settings)),
    ]


def unprovided_calls(texts: Mapping[Path, str]) -> list[str]:
    """Return a warning for the first call of each DevStack function that doitstack lacks.

    Checks words at the place of a command, except functions that the scripts define themselves.
    """
    missing = unprovided_functions() - defined_functions(texts)
    return [
        f"{place}: {name}: DevStack function that doitstack does not provide"
        for place, name in first_places(texts, _COMMAND)
        if name in missing
    ]


def missing_files(texts: Mapping[Path, str], has_file: Callable[[str], bool]) -> list[str]:
    """Return a warning for the first `source` of each file of DevStack that does not exist.

    `has_file` tells whether scripts find it.
    """
    return [
        f"{place}: {name} of DevStack is not in $TOP_DIR; {_FIXES.get(name, _CHECKOUT)}"
        for place, name in first_places(texts, _SOURCE)
        if not has_file(name)
    ]


def unknown_phases(texts: Mapping[Path, str]) -> list[str]:
    """Return a warning for each `$2` that a script compares with nearly the name of a phase.

    Also for a `$1` beside it that is nearly `stack`.
    """
    modes = [
        f"{place}: there is no phase that begins with {word}{near}"
        for place, word in first_places(texts, _MODE)
        if word != "unstack" and (near := did_you_mean(word, ["stack"]))
    ]
    phases = [
        f"{place}: there is no phase stack {word}{near}"
        for place, word in first_places(texts, _PHASE)
        if word not in _PHASES and (near := did_you_mean(word, _PHASES))
    ]
    return modes + phases


def missing_configuration(texts: Mapping[Path, str], is_ours: Callable[[str], bool]) -> list[str]:
    """Return a warning for the first use of each /etc/PROJECT that is not this stack's.

    The functions that write files find the stack's own directory.
    """
    return [
        f"{place}: the configuration of {project} is not in /etc/{project}; "
        f"use ${project.upper()}_CONF_DIR"
        for place, project in first_places(texts, _IN_ETC)
        if not is_ours(project)
    ]


def first_places(texts: Mapping[Path, str], pattern: str) -> Iterator[tuple[str, str]]:
    """Yield each word that `pattern` finds in code, once per file: FILE:LINE and the word."""
    found: set[tuple[Path, str]] = set()
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for name in re.findall(pattern, line.partition(" #")[0]):
                if (path, name) not in found:
                    found.add((path, name))
                    yield f"{path}:{number}", name


def defined_functions(texts: Mapping[Path, str]) -> set[str]:
    """Return the names of the functions that `texts` define."""
    pairs = (pair for text in texts.values() for pair in re.findall(_DEFINITION, text))
    return {name for pair in pairs for name in pair if name}


@cache
def library_functions() -> set[str]:
    """Return the names of the functions that doitstack provides to scripts."""
    return defined_functions(read_scripts(_BASH.rglob("*.sh")))


@cache
def unprovided_functions() -> set[str]:
    """Return the names of the DevStack functions that the library does not provide."""
    return {name for names in devstack_tree.functions_of_devstack().values() for name in names} - (
        library_functions()
    )


def needs_sudo(texts: Mapping[Path, str]) -> str | None:
    """Return `FILE:LINE` of the first `sudo` in scripts, or None."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(r"(^|[\s;&|(`])sudo\s", line.partition("#")[0]):
                return f"{path}:{number}"
    return None
