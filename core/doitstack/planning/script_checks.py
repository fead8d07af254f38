"""Look at scripts before they run: their syntax, and what they call that is not there."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_MISSING = Path(__file__).parents[1] / "bash" / "library" / "missing.sh"
_DEFINITION = r"(?m)^\s*(?:function\s+([\w-]+)|([\w-]+)\s*\(\))"
_KEYWORD = r"\b(?:then|do|elif|else|if|while|until|time|async_runfunc|async_run\s+\S+)\s"
# What has been looked at is not taken away: behind `if` stands another command.
_COMMAND = rf"(?:^|[;&|({{`]|{_KEYWORD})\s*!?\s*(?=([\w-]+))"

_SOURCE = rf"(?:^|[;&|({{`]|{_KEYWORD})\s*!?\s*(?:source|\.)\s+\"?\$\{{?TOP_DIR\}}?/([\w./-]+)"
_CHECKOUT = "set DEVSTACK_DIR to a checkout of it"
_INIT = "to write it: python -m doitstack init ."
_MENDS = dict.fromkeys(("functions", "openrc", "stackrc"), _INIT)


def syntax_errors(scripts: Iterable[Path]) -> list[str]:
    """Return what bash has against the syntax of `scripts`: one `FILE:LINE: what` each."""
    import subprocess  # noqa: PLC0415 - most stack directories have no script

    found = []
    for script in dict.fromkeys(scripts):
        answer = subprocess.run(
            ["bash", "-n", str(script)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if answer.returncode:
            first = answer.stderr.decode(errors="replace").splitlines()[:1] or ["syntax error"]
            found.append(re.sub(r"^(.*?): line (\d+): ", r"\1:\2: ", first[0]))
    return found


def may_be_sourced(path: Path) -> bool:
    """Tell whether `path`, below `devstack/` of a repository, looks like a file of functions.

    What is for Grenade and for the gate is started by others.
    """
    return (
        path.suffix in {"", ".sh"}
        and path.parts[0] not in {"upgrade", "gate"}
        and not path.name.startswith(("README", "."))
    )


def read_scripts(scripts: Iterable[Path]) -> dict[Path, str]:
    """Return the texts of those of `scripts` that are files."""
    return {
        path: path.read_text(encoding="utf-8", errors="replace")
        for path in dict.fromkeys(scripts)
        if path.is_file()
    }


def unprovided_calls(texts: Mapping[Path, str]) -> list[str]:
    """Return a warning for each first call of a function of DevStack that we do not provide.

    Looks at words where a command may stand; a function that the scripts define themselves is
    theirs.
    """
    pairs = [pair for text in texts.values() for pair in re.findall(_DEFINITION, text)]
    own = {name for pair in pairs for name in pair}
    missing = unprovided_functions() - own
    return [
        f"{place}: {name}: DevStack function that doitstack does not provide"
        for place, name in _first_places(texts, _COMMAND)
        if name in missing
    ]


def missing_files(texts: Mapping[Path, str], top_dir: Path) -> list[str]:
    """Return a warning for each first `source` of a file of DevStack's tree that is not there."""
    return [
        f"{place}: {name} of DevStack is not in {top_dir}; {_MENDS.get(name, _CHECKOUT)}"
        for place, name in _first_places(texts, _SOURCE)
        if not (top_dir / name).exists()
    ]


def _first_places(texts: Mapping[Path, str], pattern: str) -> Iterator[tuple[str, str]]:
    """Yield what `pattern` finds in lines of code, once a file: FILE:LINE and the word."""
    found: set[tuple[Path, str]] = set()
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for name in re.findall(pattern, line.partition(" #")[0]):
                if (path, name) not in found:
                    found.add((path, name))
                    yield f"{path}:{number}", name


def unprovided_functions() -> set[str]:
    """Return the names of DevStack's functions that our library knows of and lacks."""
    text = _MISSING.read_text(encoding="utf-8")
    listed = re.search(r"_MISSING_FUNCTIONS='([^']*)'", text)
    assert listed, f"{_MISSING} has no table"
    return set(listed[1].split())


def needs_sudo(texts: Mapping[Path, str]) -> str | None:
    """Return `FILE:LINE` of the first `sudo` in scripts, or None."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(r"(^|[\s;&|(`])sudo\s", line.partition("#")[0]):
                return f"{path}:{number}"
    return None


def can_become_root() -> bool:
    """Return whether we are root, or `sudo` makes us root without asking for a password."""
    import subprocess  # noqa: PLC0415 - as above

    if os.geteuid() == 0:
        return True
    try:
        answer = subprocess.run(
            ["sudo", "-n", "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError:
        return False
    return answer.returncode == 0
