"""Find settings that nothing uses, such as those one typo away from a known name."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from doitstack.config.host_settings import group_and_host
from doitstack.config.settings import WITHOUT_DEFAULT, Settings
from doitstack.planning.local_conf_sections import MERGED_GROUPS
from doitstack.planning.plugin import Plugin

_NAME = r"\b[A-Za-z_][A-Za-z0-9_]+\b"
_SHORTEST = 5
"""Characters of a name that is taken for a slip: among shorter ones too many are near."""
_LONG = 9
"""Characters of a setting for which a variable of the environment may be a slip.

The environment is also for other programs, and its names may resemble short ones: HOST_IPS.
"""
_CORE = Path(__file__).parents[1]


def misspelt_settings(
    settings: Settings, plugins: Sequence[Plugin], scripts: Iterable[str]
) -> Iterator[str]:
    """Yield a warning for each misspelt variable of the user's file and of the environment.

    The names in our code, in that of plugins and in scripts are known, and those with a default.
    No value is shown: that of a misspelt ADMIN_PASSWORD is a secret, too.
    """
    texts = [*scripts]
    yield from _misspelt_in_file(settings, plugins, texts)
    yield from _misspelt_in_environment(settings, plugins, texts)


def unused_settings(
    settings: Settings, plugins: Sequence[Plugin], scripts: Iterable[str]
) -> list[str]:
    """Return the variables of the user's file that nothing uses: neither we, plugins nor scripts.

    Most of them are DevStack's, for what is not here. Programs may use others.
    """
    unused, known = _unused_and_known(settings, plugins, scripts)
    # Names may be made of others: KEYSTONE_BRANCH of KEYSTONE and _BRANCH.
    ends = tuple(one for one in known if one.startswith("_") and one.isupper())
    return [name for name in unused if not name.endswith(ends)]


def unset_in_sections(
    settings: Settings, conf: Path, plugins: Sequence[Plugin], scripts: Iterable[str]
) -> Iterator[str]:
    """Yield a warning for each misspelt variable in the header of a section of `conf`.

    The run warns of all that are undefined once it knows.
    """
    named = [
        (f"{conf}:{section.first_line - 1}: [[{section.group}|{section.file}]]", section.file, name)
        for section in settings.local.sections
        if group_and_host(section.group)[0] in MERGED_GROUPS
        for name in re.findall(r"\$\{?([A-Za-z_]\w*)(?![\w:-])", section.file)
    ]
    if not named:
        return
    known = _names_in([*_texts(plugins), *scripts]) | settings.with_default | settings.environ
    # KEYSTONE_CONF is made of KEYSTONE_CONF_DIR.
    known |= {one.removesuffix("_DIR") for one in known} | set(settings.local.variables)
    for place, file, name in named:
        if name not in known:
            for near in sorted(known & _slips(name))[:1]:
                what = f"{file} is undefined, so the section is not used"
                yield f"{place}: {what}; did you mean {near}?"


def _unused_and_known(
    settings: Settings, plugins: Sequence[Plugin], scripts: Iterable[str]
) -> tuple[list[str], set[str]]:
    """Return the variables of the user's file that nothing uses, and all names that are known."""
    text = _local_text(settings)
    unused = [name for name in settings.local.variables if not _is_used(name, text)]
    if settings.with_default.issuperset(unused):
        return [], set()
    known = _names_in([*_texts(plugins), *scripts]) | settings.with_default
    return [name for name in unused if name not in known], known


def _misspelt_in_file(
    settings: Settings, plugins: Sequence[Plugin], scripts: Sequence[str]
) -> Iterator[str]:
    unused, known = _unused_and_known(settings, plugins, scripts)
    for name in unused:
        if len(name) >= _SHORTEST:
            for near in sorted(known & _slips(name))[:1]:
                place = settings.local.place_of(name)
                yield f"{place}: nothing uses {name}; did you mean {near}?"


def _misspelt_in_environment(
    settings: Settings, plugins: Sequence[Plugin], scripts: Sequence[str]
) -> Iterator[str]:
    checked = {name for one in plugins for name in one.checked_settings}
    known = {
        name
        for name in settings.with_default | WITHOUT_DEFAULT | checked
        if "_" in name and len(name) >= _LONG
    }
    near = {
        name: min(known & _slips(name), default="")
        for name in sorted(settings.environ - known - set(settings.local.variables))
        if _may_be_near(name, known)
    }
    if any(near.values()):
        used = _names_in([*_texts(plugins), *scripts, _local_text(settings)])
        for name, meant in near.items():
            if meant and name not in used:
                yield f"environment: nothing uses {name}; did you mean {meant}?"


def _may_be_near(name: str, known: Iterable[str]) -> bool:
    """Return whether `_slips`, which takes its time, may find any: one slip spares an end."""
    return "_" in name and any(
        abs(len(name) - len(one)) <= 1 and (name[:4] == one[:4] or name[-4:] == one[-4:])
        for one in known
    )


def _is_used(name: str, local: str) -> bool:
    return re.search(rf"\$\{{?{name}\b", local) is not None


def _local_text(settings: Settings) -> str:
    """Return the user's file, and what names the files of its other sections."""
    script = settings.local.script
    text = script.read_text(encoding="utf-8", errors="replace") if script else ""
    return "\n".join([text, *(section.file for section in settings.local.sections)])


def _texts(plugins: Sequence[Plugin]) -> Iterator[str]:
    """Yield the texts of our code, of all in-tree services and what they share, and of plugins."""
    packages = {path.parents[1] for one in plugins if one.is_service for path in one.modules}
    files = {path for one in plugins for path in one.modules}
    for package in (_CORE, *packages):
        files.update(*(package.rglob(f"*.{end}") for end in ("py", "sh")))
    return (path.read_text(encoding="utf-8", errors="replace") for path in files)


def _names_in(texts: Iterable[str]) -> set[str]:
    return {name for text in texts for name in re.findall(_NAME, text)}


def _slips(name: str) -> frozenset[str]:
    """Return the names that differ in one letter: left out, added, another, or two swapped."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
    splits = [(name[:place], name[place:]) for place in range(len(name) + 1)]
    return frozenset(
        {before + after[1:] for before, after in splits if after and not after[0].isdigit()}
        | {before + letter + after for before, after in splits for letter in letters}
        | {before + letter + after[1:] for before, after in splits if after for letter in letters}
        | {before + after[1] + after[0] + after[2:] for before, after in splits if len(after) > 1}
    )
