"""A tiny project in a git repository: a package of three files."""

import subprocess
from pathlib import Path

PROJECT = """\
[build-system]
requires = []
build-backend = "build_it"
backend-path = ["."]

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

# It needs no package, and so no network.
BUILD = """\
import tomllib
import zipfile
from pathlib import Path

def get_requires_for_build_editable(config_settings=None):
    return []

def build_editable(directory, config_settings=None, metadata_directory=None):
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    name, version = project["name"], project["version"]
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\\n" for one in project["dependencies"])
    scripts = "".join(f"{one} = {where}\\n" for one, where in project["scripts"].items())
    files = {
        f"{name}.pth": f"{Path.cwd()}\\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": f"[console_scripts]\\n{scripts}",
    }
    record = "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"])
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(directory, wheel), "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(path, text)
    return wheel

build_wheel = build_editable
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
        "build_it.py": BUILD,
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
