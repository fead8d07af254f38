"""Install source trees into an environment, in editable mode: what runs is the tree itself.

The environment is complete before, with wheels of the same packages, whose place the trees take.
So their requirements are mostly there already.
"""

import configparser
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from doitstack.errors import StepError
from doitstack.source_trees import SourceTree, normalised

UvRunner = Callable[[Sequence[str], Mapping[str, str]], None]
"""Runs uv with these arguments, and these variables besides; raises CommandError."""


def install_trees(
    trees: Iterable[SourceTree],
    *,
    arguments: Sequence[str],
    versions: Mapping[str, str],
    run_uv: UvRunner,
) -> None:
    """Install trees with `arguments`, which say where and from what.

    `versions` are those of the wheels: a tree that cannot know its version gets its wheel's.
    Raises CommandError.
    """
    by_version: dict[str, list[SourceTree]] = {}
    for tree in trees:
        version = "" if _has_version(tree.directory) else versions.get(tree.package, "")
        by_version.setdefault(version, []).append(tree)
    for version, alike in by_version.items():
        words = ["pip", "install", *arguments]
        for tree in alike:
            # This mode is a line in a file of paths; setuptools' own is a hook of imports.
            mode = f"{tree.package}:editable_mode=compat"
            words += ["--no-binary", tree.package, "--config-settings-package", mode]
        for tree in alike:
            words += ["--editable", str(tree.directory)]
        # It holds for all that pbr builds in this call.
        run_uv(words, {"PBR_VERSION": version} if version else {})


def link_data_files(directory: Path, environment: Path) -> None:
    """Link a tree's data files into an environment, where its wheel had put them.

    An editable installation has none; nova reads `etc/nova/api-paste.ini` there.
    """
    for target, patterns in _data_files(directory).items():
        place = environment / target
        for source in (path for one in patterns for path in sorted(directory.glob(one))):
            if source.is_file() and place.resolve().is_relative_to(environment.resolve()):
                _link(source, place / source.name)


def without_packages(constraints: str, packages: Iterable[str]) -> str:
    """Return the text of a constraints file without these packages.

    Their trees have other versions. A pin may go on, with hashes, in the lines after it.
    """
    unwanted = set(packages)
    kept, is_kept, goes_on = [], True, False
    for line in constraints.splitlines():
        if not goes_on:
            match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)", line)
            is_kept = match is None or normalised(match[1]) not in unwanted
        goes_on = line.rstrip().endswith("\\")
        if is_kept:
            kept.append(line)
    return "\n".join(kept) + "\n"


def pinned_versions(constraints: str) -> dict[str, str]:
    """Return the version of each package that a text of constraints pins."""
    found = re.findall(r"(?m)^([A-Za-z0-9][A-Za-z0-9._-]*)===?([^\s;\\]+)", constraints)
    return {normalised(name): version for name, version in found}


def _has_version(directory: Path) -> bool:
    """Return whether pbr finds a version: of a source distribution, or by a tag."""
    if (directory / "PKG-INFO").is_file():
        return True
    command = ["git", "-C", str(directory), "-c", f"safe.directory={directory}", "describe"]
    done = subprocess.run([*command, "--tags"], capture_output=True, check=False)
    return done.returncode == 0


def _data_files(directory: Path) -> dict[str, list[str]]:
    """Return patterns of a tree's data files, by their directories in an environment.

    Raises StepError if the files that list them are broken.
    """
    found: dict[str, list[str]] = {}
    try:
        if (directory / "pyproject.toml").is_file():
            project = tomllib.loads((directory / "pyproject.toml").read_text(encoding="utf-8"))
            found.update(project.get("tool", {}).get("setuptools", {}).get("data-files", {}))
        if (directory / "setup.cfg").is_file():
            parser = configparser.ConfigParser(interpolation=None)
            parser.read(directory / "setup.cfg", encoding="utf-8")
            found.update(_listed(parser.get("files", "data_files", fallback="")))
    except (ValueError, configparser.Error) as error:
        raise StepError(f"cannot read the metadata of {directory}: {error}") from error
    return found


def _listed(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the directories and their patterns in pbr's `data_files`."""
    directory, patterns = "", list[str]()
    for line in text.splitlines():
        before, is_new, after = line.partition("=")
        if is_new:
            directory, patterns = before.strip(), []
            yield directory, patterns
            patterns += after.split()
        elif directory:
            patterns += line.split()


def _link(source: Path, link: Path) -> None:
    if link.is_symlink() and link.readlink() == source:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(source)
