"""Plugin repositories: fetched by git, and put in the order of what they require of each other."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from doitstack.errors import PlanError, PluginError
from doitstack.localconf import PluginRepository
from doitstack.settings import Settings

_REQUIRES = r"(?m)^\s*plugin_requires\s+(\S+)\s+(\S+)"


def scripts_directory(repository: PluginRepository, dest: Path) -> Path:
    """Return where a repository keeps its scripts."""
    return dest / repository.name / "devstack"


def fetch(repositories: Iterable[PluginRepository], settings: Settings) -> Iterator[str]:
    """Clone to `$DEST/NAME` what is not there; what lies there is taken as it is.

    Yields a line for each clone as it starts. Raises PluginError.
    """
    dest = settings.path("DEST")
    for repository in repositories:
        target = dest / repository.name
        if target.exists():
            continue
        if settings.is_true("OFFLINE") or settings.is_true("ERROR_ON_CLONE"):
            raise PluginError(
                repository.name,
                f"{target} is not there, and OFFLINE or ERROR_ON_CLONE forbids cloning it; "
                f"put it there: git clone {repository.url} {target}",
            )
        yield f"cloning plugin {repository.name} from {repository.url} to {target}"
        _clone(repository, target, settings)


def _clone(repository: PluginRepository, target: Path, settings: Settings) -> None:
    """Clone beside the target and move it there, so that half a clone is never believed."""
    partial = target.with_name(f".{target.name}.partial-{os.getpid()}")
    depth = ["--depth", settings["GIT_DEPTH"]] if settings.get("GIT_DEPTH", "0") != "0" else []
    try:
        _git(repository, ["clone", *depth, "--", repository.url, str(partial)])
        if repository.ref:
            fetched = _git(
                repository, ["-C", str(partial), "fetch", *depth, "origin", repository.ref]
            )
            commit = "FETCH_HEAD" if fetched else repository.ref
            _git(repository, ["-C", str(partial), "checkout", "--quiet", commit, "--"])
        partial.rename(target)
    finally:
        if partial.exists():
            import shutil  # noqa: PLC0415 - only after a failure

            shutil.rmtree(partial)


def _git(repository: PluginRepository, arguments: list[str]) -> bool:
    answer = subprocess.run(
        ["git", *arguments],
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if answer.returncode:
        said = answer.stderr.decode(errors="replace").strip().splitlines() or ["no word"]
        raise PluginError(
            repository.name,
            f"cannot be fetched from {repository.url}: {said[-1]}; look at its URL and REF "
            f"in enable_plugin",
        )
    return True


def in_order(repositories: Iterable[PluginRepository], dest: Path) -> list[PluginRepository]:
    """Return the repositories in `local.conf`'s order, each after those that it requires.

    Raises PlanError for a plugin that is required and not enabled, or a cycle.
    """
    by_name = {repository.name: repository for repository in repositories}
    needs: dict[str, list[str]] = {name: [] for name in by_name}
    mistakes = []
    for repository in by_name.values():
        for place, plugin, other in _requirements(repository, dest):
            if other not in by_name:
                mistakes.append(
                    f"{place}: plugin {plugin} requires plugin {other}, which is not enabled; "
                    f"add enable_plugin {other} URL to local.conf"
                )
            needs.setdefault(plugin, []).append(other)
    if mistakes:
        raise PlanError("\n".join(mistakes))
    return [by_name[name] for name in _sorted(needs) if name in by_name]


def _requirements(repository: PluginRepository, dest: Path) -> Iterator[tuple[str, str, str]]:
    settings = scripts_directory(repository, dest) / "settings"
    if not settings.is_file():
        return
    text = settings.read_text(encoding="utf-8", errors="replace")
    for match in re.finditer(_REQUIRES, text):
        line = text.count("\n", 0, match.start(1)) + 1
        yield f"{settings}:{line}", match[1], match[2]


def _sorted(needs: dict[str, list[str]]) -> list[str]:
    """Return the names so that each comes after its needs, and otherwise as they stand."""
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
