"""Plugin repositories: fetch them with git, and sort them by what they require of each other."""

import os
import re
import shutil
import subprocess
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from doitstack.config.host_settings import REPOSITORIES
from doitstack.config.local_conf import PluginRepository
from doitstack.config.settings import Settings
from doitstack.errors import PlanError, PluginError

_WORD = r"[\"']?([\w.-]+)[\"']?"
_DEFINES = rf"(?m)^[ \t]*define_plugin\s+{_WORD}"
_REQUIRES = rf"(?m)^[ \t]*plugin_requires\s+{_WORD}\s+{_WORD}"


def scripts_directory(repository: PluginRepository, dest: Path) -> Path:
    """Return the directory of a repository's scripts."""
    return dest / repository.name / "devstack"


def fetch(repositories: Iterable[PluginRepository], settings: Settings) -> Iterator[str]:
    """Clone each repository to `$DEST/NAME` unless that exists; with RECLONE, update it to its REF.

    On another host of a stack, the clones of the controller are used as they are. Yields a line
    for each fetch before it starts. Raises PluginError.
    """
    dest, is_offline = settings.path("DEST"), settings.is_true("OFFLINE")
    for repository in repositories:
        target = dest / repository.name
        ours = settings.path("TOP_DIR") / REPOSITORIES / repository.name
        if ours.exists():
            if not target.exists():
                target.symlink_to(ours)
            continue
        if target.exists():
            if settings.is_true("RECLONE") and not is_offline:
                yield f"fetching plugin {repository.name} from {repository.url} to {target}"
                _check_out(repository, target, repository.ref or "HEAD", [])
            continue
        if is_offline or settings.is_true("ERROR_ON_CLONE"):
            raise PluginError(
                repository.name,
                f"{target} does not exist, and OFFLINE or ERROR_ON_CLONE forbids cloning it; "
                f"clone it yourself: git clone {repository.url} {target}",
            )
        yield f"cloning plugin {repository.name} from {repository.url} to {target}"
        _clone(repository, target, settings)


def _clone(repository: PluginRepository, target: Path, settings: Settings) -> None:
    """Clone next to the target and rename the result, so that no partial clone is used."""
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    depth = ["--depth", settings["GIT_DEPTH"]] if settings.get("GIT_DEPTH", "0") != "0" else []
    try:
        _git(repository, ["clone", *depth, "--", repository.url, str(partial)])
        if repository.ref:
            _check_out(repository, partial, repository.ref, depth)
        partial.rename(target)
    finally:
        if partial.exists():
            # Children of a git that was stopped may still write.
            shutil.rmtree(partial, ignore_errors=True)


def _check_out(repository: PluginRepository, clone: Path, ref: str, depth: list[str]) -> None:
    for arguments in (
        ["fetch", "--quiet", *depth, "--", repository.url, ref],
        ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
    ):
        _git(repository, ["-C", str(clone), *arguments])


def _git(repository: PluginRepository, arguments: list[str]) -> None:
    answer = subprocess.run(
        ["git", *arguments],
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if answer.returncode:
        lines = answer.stderr.decode(errors="replace").splitlines()
        reasons = [line for line in lines if line.startswith(("fatal: ", "error: "))]
        raise PluginError(
            repository.name,
            f"cannot be fetched from {repository.url}: {[*reasons, *lines, 'no message'][0]}; "
            f"check its URL and REF in enable_plugin",
        )


def in_order(repositories: Iterable[PluginRepository], dest: Path) -> list[PluginRepository]:
    """Return the repositories in `local.conf`'s order, each after those that it requires.

    Raises PlanError for a cycle.
    """
    by_name = {repository.name: repository for repository in repositories}
    if not by_name:
        return []
    names = _defined_names(by_name.values(), dest)
    needs = {
        name: [names[other] for _, other in _requirements(repository, dest) if other in names]
        for name, repository in by_name.items()
    }
    return [by_name[name] for name in _sorted(needs)]


def unmet_requirements(
    repositories: Iterable[PluginRepository], dest: Path, others: Container[str]
) -> Iterator[str]:
    """Yield a warning for each plugin that a repository requires and that is not enabled.

    `others` are the names of other plugins, such as in-tree services. DevStack, too, goes on.
    """
    ordered = list(repositories)
    names = _defined_names(ordered, dest)
    for repository in ordered:
        for place, other in _requirements(repository, dest):
            if other not in names and other not in others:
                yield (
                    f"{place}: plugin {repository.name} requires plugin {other}, which is not "
                    f"enabled; add enable_plugin {other} URL to local.conf"
                )


def _defined_names(repositories: Iterable[PluginRepository], dest: Path) -> dict[str, str]:
    """Return the name of the repository for each name that it has or defines."""
    names = {repository.name: repository.name for repository in repositories}
    for repository in repositories:
        for defined in re.findall(_DEFINES, _text_of_settings(repository, dest)):
            names[defined] = repository.name
    return names


def _text_of_settings(repository: PluginRepository, dest: Path) -> str:
    path = scripts_directory(repository, dest) / "settings"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _requirements(repository: PluginRepository, dest: Path) -> Iterator[tuple[str, str]]:
    """Yield the plugins that its settings require: FILE:LINE and a name."""
    text = _text_of_settings(repository, dest)
    for match in re.finditer(_REQUIRES, text):
        line = text.count("\n", 0, match.start(1)) + 1
        yield f"{scripts_directory(repository, dest) / 'settings'}:{line}", match[2]


def _sorted(needs: dict[str, list[str]]) -> list[str]:
    """Return the names so that each comes after its needs, and otherwise in the given order."""
    from graphlib import CycleError, TopologicalSorter  # noqa: PLC0415 - for repositories only

    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        cycle = " -> ".join(reversed(error.args[1]))
        raise PlanError(f"plugins require each other: {cycle}; drop one plugin_requires") from error
    ordered: list[str] = []

    def add(name: str) -> None:
        for other in needs.get(name, []):
            add(other)
        if name not in ordered:
            ordered.append(name)

    for name in needs:
        add(name)
    return ordered
