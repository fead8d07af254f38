"""A tiny project in a git repository: a package of three files."""

import subprocess
from pathlib import Path

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "{version}"
dependencies = []

[project.scripts]
{name} = "{name}.cli:main"

[tool.setuptools]
packages = ["{name}"]

[tool.setuptools.data-files]
"etc/{name}" = ["etc/*.ini"]
"""

CLI = """\
from {name} import answer

def main():
    print(answer.ANSWER)
"""


def write_project(directory: Path, name: str = "sample", version: str = "1.0") -> Path:
    """Write the project `name`, whose program prints an answer; return its directory."""
    files = {
        "pyproject.toml": PROJECT.format(name=name, version=version),
        f"{name}/__init__.py": "",
        f"{name}/answer.py": "ANSWER = 'first'\n",
        f"{name}/cli.py": CLI.format(name=name),
        f"{name}/db/migrations/versions/1_first.py": "revision = 1\n",
        f"{name}/tests/test_answer.py": "",
        "etc/paste.ini": "[pipeline]\n",
        ".gitignore": "__pycache__/\n*.egg-info/\nbuild/\n",
    }
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    return directory


def git(directory: Path, *words: str) -> str:
    """Run git as a user of the test's own; return what it prints."""
    who = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    command = ["git", "-C", str(directory), *who, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(directory: Path, message: str = "change") -> None:
    """Commit all that is in the directory; make the repository first if need be."""
    if not (directory / ".git").exists():
        git(directory, "init", "-q", "-b", "main")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", message)


def make_repository(directory: Path, name: str = "sample", version: str = "1.0") -> Path:
    """Write the project `name` and commit it; return its directory."""
    commit(write_project(directory, name, version), "first")
    return directory
