"""Find sections of local.conf that nothing reads. Runs nothing."""

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from doitstack.config.local_conf import LocalSettings
from doitstack.planning.plugin import Plugin
from doitstack.suggestions import did_you_mean

MERGED_GROUPS = ("post-config", "extra", "post-extra", "test-config")
"""The groups of sections that are merged into files, in the order in which they are merged."""

_GROUPS = ("local", *MERGED_GROUPS)


def section_warnings(local: LocalSettings, conf: Path, texts: Mapping[Path, str]) -> Iterator[str]:
    """Yield warnings about sections of `conf` that nothing reads; `texts` are the scripts'."""
    if local.is_ignored:
        yield (
            f"{conf}: its [[local|localrc]] is not read, since {local.script} exists; "
            f"remove one of them"
        )
    for place, group in _unknown_groups(local, conf, texts):
        yield f"{place}: nothing merges the group {group}; there are {', '.join(MERGED_GROUPS)}"


def section_mistakes(
    local: LocalSettings, conf: Path, plugins: Iterable[Plugin], texts: Mapping[Path, str]
) -> Iterator[str]:
    """Yield the mistakes in sections of `conf`: misspelt groups, files that nothing reads."""
    for place, group in _unknown_groups(local, conf, texts):
        if near := did_you_mean(group, _GROUPS):
            yield f"{place}: there is no group {group}{near}"
    yield from _unread_files(local, conf, plugins)


def _unread_files(local: LocalSettings, conf: Path, plugins: Iterable[Plugin]) -> Iterator[str]:
    """Yield a mistake for each section of a file below /etc that its in-tree service lacks."""
    files = {
        f"/etc/{plugin.name}": plugin.configuration_files
        for plugin in plugins
        if plugin.configuration_files
    }
    for section in local.sections:
        directory = "/".join(section.file.split("/")[:3])
        names = [f"{directory}/{name}" for name in files.get(directory, ())]
        if names and not any(fnmatchcase(section.file, name) for name in names):
            near = did_you_mean(section.file, names) or f"; there is {', '.join(names)}"
            yield f"{conf}:{section.first_line - 1}: no service reads {section.file}{near}"


def _unknown_groups(
    local: LocalSettings, conf: Path, texts: Mapping[Path, str]
) -> Iterator[tuple[str, str]]:
    """Yield FILE:LINE and group of the sections that nothing reads."""
    scripts = "\n".join(texts.values())
    for section in local.sections:
        # A plugin may have a group of its own.
        if section.group not in _GROUPS and f" {section.group}" not in scripts:
            yield f"{conf}:{section.first_line - 1}", section.group
