"""MAKEFLAGS for the builds of a run, so that they use its slots as a jobserver of GNU make.

make uses a FIFO as jobserver from 4.4 on, ninja from 1.13 on, and so do cargo and its builds. An
older make ends with an error if MAKEFLAGS names a FIFO, so it gets a form that it ignores.
"""

import re
import subprocess

_FIRST_WITH_FIFO = (4, 4)


def makeflags(inherited: str, path: str, jobs: int, *, fifo: bool) -> str:
    """Return MAKEFLAGS by which builds share the `jobs` tokens in the FIFO `path`.

    The flags of the user (`inherited`) stay, except for the number of jobs. If make does not
    support a `fifo`, the jobserver is among the variables of make's command line, after `--`: make
    takes it for an unused variable, but ninja and cargo find it.
    """
    flags, variables = _parted(inherited)
    joined = f"--jobserver-auth=fifo:{path}"
    if fifo:
        kept = [flag for flag in flags if not flag.startswith("-j")]
        words = [*kept, f"-j{jobs}", joined, *(["--", *variables] if variables else [])]
    else:
        words = [*flags, "--", *variables, joined]
    # make reads a first word without a dash as single letters; a space prevents that.
    lead = " " if words[0].startswith("-") else ""
    return lead + " ".join(words)


def _parted(makeflags: str) -> tuple[list[str], list[str]]:
    """Return the flags without those of another jobserver, and the variables."""
    words = makeflags.split(" ")
    at = words.index("--") if "--" in words else len(words)
    flags = [word for word in words[:at] if word and not word.startswith("--jobserver")]
    return flags, words[at + 1 :]


def make_supports_fifo() -> bool:
    """Return whether the `make` in PATH supports a FIFO as jobserver."""
    try:
        answer = subprocess.run(["make", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return False
    version = re.match(r"GNU Make (\d+)\.(\d+)", answer.stdout)
    return version is not None and tuple(map(int, version.groups())) >= _FIRST_WITH_FIFO
