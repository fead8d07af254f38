"""Find sections of local.conf that nothing reads. Runs nothing."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from doitstack.config.host_settings import group_and_host
from doitstack.config.hosts import SUBNODE
from doitstack.config.local_conf import LocalSettings, Section
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
    for section in local.sections:
        if section.group in MERGED_GROUPS:
            yield from _unmerged_lines(section, conf)


def _unmerged_lines(section: Section, conf: Path) -> Iterator[str]:
    """Yield warnings about lines that are not merged as they seem to be."""
    is_in_section = False
    for number, line in enumerate(section.lines, start=section.first_line):
        is_in_section = is_in_section or line.lstrip().startswith("[")
        # A line that begins with a blank continues a value.
        if not line.strip() or line.startswith(("#", ";", " ", "\t", "[")):
            continue
        place = f"{conf}:{number}: {line.strip()!r}"
        if not is_in_section:
            yield f"{place} is before the first [section], so it is not used"
        elif "=" not in line:
            yield f"{place} has no `=`, so it is an option without a value"


def section_mistakes(
    local: LocalSettings,
    conf: Path,
    plugins: Iterable[Plugin],
    texts: Mapping[Path, str],
    hosts: Collection[str] = (),
) -> Iterator[str]:
    """Yield the mistakes in sections of `conf`: misspelt groups, files that nothing reads.

    `hosts` are the names of the other hosts, which have sections of their own.
    """
    for place, group in _unknown_groups(local, conf, texts):
        if near := did_you_mean(group, _GROUPS):
            yield f"{place}: there is no group {group}{near}"
    for section in local.sections:
        group, _ = group_and_host(section.group)
        if group == "local" and section.file != "localrc":
            header = f"[[{section.group}|{section.file}]]"
            use = f"[[{section.group}|localrc]]"
            yield f"{conf}:{section.first_line - 1}: nothing reads {header}; write {use}"
    yield from _unknown_hosts(local, conf, hosts)
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
        group, _ = group_and_host(section.group)
        # A plugin may have a group of its own.
        if group not in _GROUPS and f" {group}" not in scripts:
            yield f"{conf}:{section.first_line - 1}", group


def _unknown_hosts(local: LocalSettings, conf: Path, hosts: Collection[str]) -> Iterator[str]:
    """Yield a mistake for each section of a host that does not exist."""
    for section in local.sections:
        _, host = group_and_host(section.group)
        if host and host not in (SUBNODE, *hosts):
            known = f"HOSTS names {', '.join(hosts)}" if hosts else "HOSTS names none"
            near = did_you_mean(host, (SUBNODE, *hosts)) or f"; {known}"
            yield f"{conf}:{section.first_line - 1}: there is no host {host}{near}"
