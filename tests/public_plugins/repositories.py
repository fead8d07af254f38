"""Plugin repositories: directories or bare clones, at commits."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_SCRIPT = "devstack/plugin.sh"


class Repository(NamedTuple):
    """A plugin repository on this machine, and the commit to run."""

    name: str
    path: Path
    commit: str


def repository(text: str) -> Repository:
    """Return the repository of `PATH` or `PATH@COMMIT`.

    Without a commit, it is the newest that has a plugin. Raises ValueError if there is none.
    """
    place, _, wanted = text.partition("@")
    path = Path(place).resolve()
    commit = _newest_with_plugin(path, wanted or "HEAD")
    if not commit:
        raise ValueError(f"{text} has no {_SCRIPT}")
    return Repository(name_of(Path(place)), path, commit)


def name_of(path: Path) -> str:
    """Return the name of a repository, as of the last part of its URL."""
    return path.absolute().name.removesuffix(".git")


def _newest_with_plugin(path: Path, commit: str) -> str:
    """Return `commit` in full, or its youngest ancestor that has the script; else nothing."""
    if _git(path, "cat-file", "-e", f"{commit}:{_SCRIPT}") is not None:
        return _git(path, "rev-parse", commit) or ""
    removed = _git(path, "log", "-1", "--format=%H", "--diff-filter=D", commit, "--", _SCRIPT)
    return (_git(path, "rev-parse", f"{removed}^") or "") if removed else ""


def _git(path: Path, *arguments: str) -> str | None:
    """Return the output of git, or None if it fails."""
    command = ["git", "-c", "safe.directory=*", "-C", path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
