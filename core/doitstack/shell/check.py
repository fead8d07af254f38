"""Look at scripts before they run: their syntax, and what they call that is not there."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

_MISSING = Path(__file__).parent / "library" / "missing.sh"
_DEFINITION = r"(?m)^\s*(?:function\s+([\w-]+)|([\w-]+)\s*\(\))"
_COMMAND = r"(?:^|[;&|(]|\b(?:then|do|else|if|async_runfunc|async_run\s+\S+)\s)\s*!?\s*([\w-]+)"


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


def unprovided_calls(scripts: Iterable[Path]) -> list[str]:
    """Return a warning for each first call of a function of DevStack that we do not provide.

    Looks at words where a command may stand; a function that the scripts define themselves is
    theirs.
    """
    files = [path for path in dict.fromkeys(scripts) if path.is_file()]
    texts = {path: path.read_text(encoding="utf-8", errors="replace") for path in files}
    pairs = [pair for text in texts.values() for pair in re.findall(_DEFINITION, text)]
    own = {name for pair in pairs for name in pair}
    missing = unprovided_functions() - own
    found: dict[tuple[Path, str], int] = {}
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for name in re.findall(_COMMAND, line.partition(" #")[0]):
                if name in missing:
                    found.setdefault((path, name), number)
    return [
        f"{path}:{number}: {name}: DevStack function that doitstack does not provide"
        for (path, name), number in found.items()
    ]


def unprovided_functions() -> set[str]:
    """Return the names of DevStack's functions that our library knows of and lacks."""
    text = _MISSING.read_text(encoding="utf-8")
    listed = re.search(r"_MISSING_FUNCTIONS='([^']*)'", text)
    assert listed, f"{_MISSING} has no table"
    return set(listed[1].split())


def needs_sudo(scripts: Iterable[Path]) -> str | None:
    """Return `FILE:LINE` of the first `sudo` in `scripts`, or None."""
    for path in dict.fromkeys(scripts):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
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
