"""Look at scripts before they run: their syntax, and what they call that is not there."""

import re
from collections.abc import Iterable
from pathlib import Path


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
