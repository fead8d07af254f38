"""Plugin repositories to enable: git repositories of a test's own."""

import subprocess
from pathlib import Path
from textwrap import dedent


class Repository:
    """A git repository with files below `devstack/`."""

    def __init__(self, path: Path, files: dict[str, str]) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit(files)

    @property
    def url(self) -> str:
        return f"file://{self.path}"

    def commit(self, files: dict[str, str]) -> str:
        """Write files, commit them, and return the commit's name."""
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(dedent(text))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=Test", "-c", "user.email=test@example.org", *arguments],
            cwd=self.path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()


def saying(text: str) -> dict[str, str]:
    """Return the files of a plugin that prints `text` in install."""
    return {"devstack/plugin.sh": f'[[ "$2" != install ]] || echo "{text}"\n'}


def enabling(*lines: str) -> dict[str, str]:
    """Return a local.conf with `lines` in its localrc."""
    return {"local.conf": "\n".join(["[[local|localrc]]", *lines, ""])}
