"""What tells builds of our slots: MAKEFLAGS, as GNU make says it to those that it starts.

make joins from 4.4, ninja from 1.13, cargo and what it builds do, too. An older make ends with an
error over a jobserver that is a FIFO, so what it reads is something else.
"""

import re
import subprocess

_FIRST_WITH_FIFO = (4, 4)


def makeflags(inherited: str, path: str, jobs: int, *, fifo: bool) -> str:
    """Return MAKEFLAGS by which builds share the `jobs` tokens in the FIFO `path`.

    What the user has in it already (`inherited`) stays, but for the number of jobs. Where make
    knows no `fifo`, the jobserver stands among the variables of make's command line, behind `--`:
    to make it is a variable that nobody uses, to ninja and cargo it is what they look for.
    """
    flags, variables = _parted(inherited)
    joined = f"--jobserver-auth=fifo:{path}"
    if fifo:
        kept = [flag for flag in flags if not flag.startswith("-j")]
        words = [*kept, f"-j{jobs}", joined, *(["--", *variables] if variables else [])]
    else:
        words = [*flags, "--", *variables, joined]
    # The first word may be a bundle of single letters; here it is none.
    lead = " " if words[0].startswith("-") else ""
    return lead + " ".join(words)


def _parted(makeflags: str) -> tuple[list[str], list[str]]:
    """Return the flags without those of another jobserver, and the variables."""
    words = makeflags.split(" ")
    at = words.index("--") if "--" in words else len(words)
    flags = [word for word in words[:at] if word and not word.startswith("--jobserver")]
    return flags, words[at + 1 :]


def make_knows_fifo() -> bool:
    """Return whether the `make` that PATH finds takes part in a jobserver that is a FIFO."""
    try:
        said = subprocess.run(["make", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    version = re.match(r"GNU Make (\d+)\.(\d+)", said.stdout)
    return version is not None and tuple(map(int, version.groups())) >= _FIRST_WITH_FIFO
