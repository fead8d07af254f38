"""Source trees made from source distributions, where there is no git host.

Each is a git repository of its own, with the distribution as its only commit: `git diff` shows what
was changed since. pip downloads it, since uv downloads nothing that it does not install.
"""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from doitstack import Settings, Stack
from doitstack.config.dest_mark import OWNERSHIP_FILE
from doitstack.errors import StepError
from doitstack.private_files import locked, private_directory, write_private
from doitstack.source_trees import SourceTree, normalised
from doitstack_plugins.shared import venvs
from doitstack_plugins.shared.constraints import constraints

_GIT = (
    *("git", "-c", "user.name=doitstack", "-c", "user.email=doitstack@localhost"),
    *("-c", "commit.gpgSign=false", "-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"),
)
_MADE_ANEW = ("AUTHORS", "ChangeLog", "*.egg-info/")
"""What pbr writes anew when it builds or installs: that is no change of the user's."""

_EXCLUDED = ("*.pyc", "__pycache__/", *_MADE_ANEW, "build/", ".tox", ".venv", ".stestr/")
"""A source distribution has no list of what git is not to track."""


def unpack(stack: Stack, tree: SourceTree) -> None:
    """Make the tree from the pinned version's source distribution, unless it is there.

    Raises StepError if it must not be fetched or has no pinned version, CommandError if pip finds
    none.
    """
    if tree.is_there:
        return
    if stack.settings.is_true("OFFLINE") or stack.settings.is_true("ERROR_ON_CLONE"):
        raise StepError(
            f"{tree.directory} does not exist, and OFFLINE or ERROR_ON_CLONE forbids fetching it"
        )
    requirement = _pin(stack.settings, tree.package)
    work = tree.directory.with_name(f".{tree.directory.name}.unpacking")
    shutil.rmtree(work, ignore_errors=True)
    try:
        archive = _download(stack, requirement, private_directory(work / "download"))
        source = private_directory(work / "tree")
        stack.run(["tar", "-xzf", archive, "--strip-components=1", "--no-same-owner"], cwd=source)
        _make_repository(stack, source, archive.name.removesuffix(".tar.gz"))
        _move_files_of_scripts(tree.directory, source)
        source.rename(tree.directory)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _pin(settings: Settings, package: str) -> str:
    """Return the lines of the constraints that pin a package, with its hashes."""
    path = Path(constraints(settings))
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    pins = re.findall(r"(?m)^[A-Za-z0-9][^\n]*?===?(?:[^\n]*\\\n)*[^\n]*\n?", text)
    for pin in pins:
        if normalised(re.split(r"[\s=<>~!;\[]", pin, maxsplit=1)[0]) == package:
            return str(pin)
    raise StepError(f"the constraints {constraints(settings)} have no version of {package}")


def _download(stack: Stack, requirement: str, directory: Path) -> Path:
    """Download a source distribution with pip and return its path."""
    # pip asks the project for its metadata, which needs what builds it.
    # None of these comes from a tree: pbr's own is made in this way, too.
    tools = replace(venvs.environment(stack, "sdists", "pip", "pbr", "setuptools"), trees=())
    with locked(private_directory(tools.path.parent) / "sdists.lock"):
        if not tools.is_current():
            venvs.install(stack, tools)
    write_private(directory / "requirement.txt", requirement)
    index = stack.settings.get("UV_DEFAULT_INDEX") or stack.settings.get("UV_INDEX_URL")
    stack.run(
        [
            *(tools.python, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"),
            *("--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--progress-bar", "off"),
            *("--requirement", "requirement.txt", "--dest", "."),
        ],
        cwd=directory,
        env={"PIP_INDEX_URL": index} if index else None,
    )
    return next(_archives(directory))


def _archives(directory: Path) -> Iterator[Path]:
    yield from directory.glob("*.tar.gz")
    raise StepError(f"pip has downloaded no .tar.gz to {directory}")


def _make_repository(stack: Stack, directory: Path, message: str) -> None:
    stack.run([*_GIT, "init", "--quiet", "--initial-branch=main", "--template="], cwd=directory)
    private_directory(directory / ".git" / "info")
    exclude = directory / ".git" / "info" / "exclude"
    exclude.write_text("".join(f"{one}\n" for one in _EXCLUDED), encoding="utf-8")
    unless = [f":!{one}*" if one.endswith("/") else f":!{one}" for one in _MADE_ANEW]
    stack.run([*_GIT, "add", "--all", "--force", ".", *unless], cwd=directory)
    stack.run([*_GIT, "commit", "--quiet", "--message", message], cwd=directory)


def _move_files_of_scripts(directory: Path, tree: Path) -> None:
    """Move what scripts have written, before there was a tree, into the tree that takes its place.

    Removes `directory` and our mark of it.
    """
    for path in (*sorted(directory.rglob("*"), reverse=True), directory):
        if path == directory / OWNERSHIP_FILE:
            path.unlink()
        elif path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path != directory:
            place = tree / path.relative_to(directory)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
