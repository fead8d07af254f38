"""What a service sees of the packages that scripts install: all but those that fail with its own.

Its own packages come first, so one of the scripts may meet another version than it was installed
with: pyOpenSSL for an older cryptography breaks whatever imports it if it is there.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_INFO = ".dist-info"


def text_of_path_file(shared: Path, hidden: Sequence[str]) -> str:
    """Return the `.pth` that adds a directory of packages, except the modules in `hidden`."""
    text = f"import site; site.addsitedir({str(shared)!r})\n"
    if hidden:
        # To Python, these modules do not exist.
        text = f"import sys; sys.modules.update(dict.fromkeys({[*hidden]!r}))\n{text}"
    return text


def hidden_modules(shared: Path, own: Path) -> list[str]:
    """Return the modules of `shared` whose packages refuse the versions that `own` has.

    Both are directories of packages.
    """
    versions = dict(_versions(own))
    modules: dict[bool, set[str]] = {True: set(), False: set()}
    for info in shared.glob(f"*{_INFO}"):
        modules[_is_refused(info, versions)].update(_modules(info))
    return sorted(name for name in modules[True] - modules[False] if not _has(own, name))


def _versions(packages: Path) -> Iterator[tuple[str, Version]]:
    """Yield names and versions of packages, but of source trees: those are as the user wants."""
    for info in packages.glob(f"*{_INFO}"):
        name, _, version = info.name.removesuffix(_INFO).rpartition("-")
        if not (info / "direct_url.json").exists():
            try:
                yield canonicalize_name(name), Version(version)
            except InvalidVersion:
                continue


def _is_refused(info: Path, versions: Mapping[str, Version]) -> bool:
    """Return whether a package requires other versions; a source tree of scripts may."""
    if (info / "direct_url.json").exists():
        return False
    return any(
        (found := versions.get(canonicalize_name(wanted.name)))
        and not wanted.specifier.contains(found, prereleases=True)
        for wanted in _requirements(info)
    )


def _requirements(info: Path) -> Iterator[Requirement]:
    """Yield what a package requires here, without its extras."""
    for line in _lines(info / "METADATA"):
        if not line.strip():
            return
        if line.startswith("Requires-Dist:") and "extra ==" not in line:
            try:
                requirement = Requirement(line.partition(":")[2].strip())
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def _modules(info: Path) -> Iterator[str]:
    """Yield the names under which a package's modules are imported."""
    for line in _lines(info / "RECORD"):
        first = line.partition(",")[0].partition("/")[0]
        name = first.partition(".")[0]
        if name.isidentifier() and name != "__pycache__" and not first.endswith(_INFO):
            yield name


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _has(packages: Path, name: str) -> bool:
    return (packages / name).exists() or any(packages.glob(f"{name}.*"))
