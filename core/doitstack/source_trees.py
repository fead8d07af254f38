"""Where the code of each project is: in a source tree of the user's, or else in pinned wheels.

A project is a service or library under DevStack's name of it: `keystone`, `oslo.messaging`. Its
tree is in `$DEST/NAME`, or where `NAME_DIR` says. It is used if it is there, or if the settings ask
for it: by `LIBS_FROM_GIT`, or by `NAME_REPO`, `NAME_BRANCH` or `NAME_DIR` of the user. Scripts ask
for a service's tree by its directory: with DevStack it is there.

Knows neither git nor environments; `tree_state` tells what is in a tree.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from doitstack.config.dest_mark import OWNERSHIP_FILE
from doitstack.config.settings import Settings
from doitstack.config.user_constraints import user_constraints
from doitstack.errors import StepError
from doitstack.records import Record
from doitstack.suggestions import did_you_mean
from doitstack.uptodate import digest

if TYPE_CHECKING:
    from doitstack.tree_state import TreeState

SERVICES = (
    *("keystone", "glance", "placement", "neutron", "nova", "cinder", "swift", "horizon"),
    "tempest",
)
"""The projects that run, in the order in which they are stacked; each has a plugin of its name."""

LIBRARIES = (
    *("automaton", "castellan", "ceilometermiddleware", "cliff", "cursive", "debtcollector"),
    *("diskimage-builder", "etcd3gw", "futurist", "glance_store", "ironic-lib", "keystoneauth"),
    *("keystonemiddleware", "neutron-lib", "openstacksdk", "os-brick", "os-client-config"),
    *("os-ken", "os-resource-classes", "os-traits", "os-vif", "osc-lib", "osc-placement"),
    *("oslo.cache", "oslo.concurrency", "oslo.config", "oslo.context", "oslo.db", "oslo.i18n"),
    *("oslo.limit", "oslo.log", "oslo.messaging", "oslo.metrics", "oslo.middleware"),
    *("oslo.policy", "oslo.privsep", "oslo.reports", "oslo.rootwrap", "oslo.serialization"),
    *("oslo.service", "oslo.upgradecheck", "oslo.utils", "oslo.versionedobjects", "oslo.vmware"),
    *("osprofiler", "ovsdbapp", "pbr", "pycadf", "python-barbicanclient"),
    *("python-brick-cinderclient-ext", "python-cinderclient", "python-glanceclient"),
    *("python-ironicclient", "python-keystoneclient", "python-neutronclient"),
    *("python-novaclient", "python-openstackclient", "python-swiftclient", "stevedore"),
    *("taskflow", "tooz"),
)
"""DevStack's libraries, under their names in its GITREPO."""

_PACKAGES = {"placement": "openstack-placement", "keystoneauth": "keystoneauth1"}
"""The packages that have another name than their project."""

_PREFIXES = {
    "diskimage-builder": "DIB",
    "oslo.concurrency": "OSLOCON",
    "oslo.config": "OSLOCFG",
    "oslo.context": "OSLOCTX",
    "oslo.messaging": "OSLOMSG",
    "oslo.middleware": "OSLOMID",
    "oslo.rootwrap": "OSLORWRAP",
    "python-brick-cinderclient-ext": "BRICK_CINDERCLIENT",
}
"""DevStack's irregular names of settings."""

_BRANCHLESS = frozenset({"tempest", "diskimage-builder", "etcd3gw", "pbr"})
"""The projects whose branch is BRANCHLESS_TARGET_BRANCH: they have no stable branches."""

FROM_SDIST = "TREES_FROM_SDIST"
"""The setting for places without a git host."""

SIGNS = ("pyproject.toml", "setup.cfg", "setup.py")
"""The files of which a source tree has one at least."""


_OF_SCRIPTS = "_TREES_OF_SCRIPTS"
"""The setting with the services whose trees scripts name. Scripts do not see it."""

_NAMED = (
    rf"\$\{{?(?:DEST\}}?/({'|'.join(SERVICES)})|({'|'.join(SERVICES).upper()})_DIR)(?![\w.-])"
    r"(?!\}?/(?:openstack_dashboard/local|etc/tempest\.conf))"
)
"""Names of a service's tree. The directories that hold panels and Tempest's configuration are there
without a tree."""


class SourceTree(Record):
    """The source tree of a project.

    package: the name of its distribution, normalised: `oslo-messaging`.
    directory: where it is, or is to be.
    repository, ref: what is cloned there if it is missing; `ref` is a branch, tag, hash or
        `refs/...`.
    is_asked_for: whether the settings or scripts ask for it, not only that it lies there.
    is_of_scripts: whether only scripts ask for it.
    is_from_sdist: whether it is made of the pinned version's source distribution if it is missing,
        and not cloned.
    """

    project: str
    package: str
    directory: Path
    repository: str
    ref: str
    is_asked_for: bool = True
    is_of_scripts: bool = False
    is_from_sdist: bool = False

    @property
    def is_there(self) -> bool:
        """Whether there is a source tree in the directory."""
        return is_tree(self.directory)

    @cached_property
    def state(self) -> "TreeState":
        """What is in the tree, as it was when this was asked for first.

        A run works with one state of a tree: what changes later is left to the next run. Raises
        StepError if the tree is missing or git cannot read it.
        """
        from doitstack.tree_state import read_state  # noqa: PLC0415 - most stacks have no trees

        if not self.is_there:
            raise StepError(f"there is no source tree of {self.project} in {self.directory}")
        return read_state(self.directory)

    @property
    def code(self) -> str:
        """A digest of the code in the tree. Raises StepError as `state` does."""
        return digest(self.state.metadata, self.state.migrations, self.state.code)

    @cached_property
    def code_to_run(self) -> str:
        """The digest `code`; nothing stands in the way of this code, once this has been asked."""
        from doitstack.tree_state import remove_stale_bytecode  # noqa: PLC0415 - see above

        code = self.code
        remove_stale_bytecode(self.directory)
        return code

    def __str__(self) -> str:
        return self.project


def is_tree(directory: Path) -> bool:
    """Return whether a directory is the source tree of a Python project."""
    return any((directory / name).is_file() for name in SIGNS)


def source_tree(settings: Settings, project: str) -> SourceTree | None:
    """Return the tree that `project` runs from, there or not yet; None if it runs from wheels."""
    found = _tree(settings, project)
    return found if found.is_asked_for or found.is_there else None


def source_trees(settings: Settings) -> tuple[SourceTree, ...]:
    """Return the trees of all services and libraries that have one; services come first."""
    projects = (*SERVICES, *LIBRARIES)
    there = _names_in(settings.path("DEST"))
    wanted = (name for name in projects if name in there or _is_asked_for(settings, name))
    return tuple(tree for name in wanted if (tree := source_tree(settings, name)))


def package_of(project: str) -> str:
    """Return the name of the distribution of a project, normalised."""
    return normalised(_PACKAGES.get(project, project))


def prefix_of(project: str) -> str:
    """Return the prefix of DevStack's settings of a project: `KEYSTONE`, `OSLOMSG`."""
    plain = project.removeprefix("python-").replace("oslo.", "oslo").replace("-", "_")
    return _PREFIXES.get(project, plain.upper())


def normalised(name: str) -> str:
    """Return the name of a distribution as pip compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def libs_from_git(settings: Settings) -> list[str]:
    """Return the names in LIBS_FROM_GIT."""
    return settings.get("LIBS_FROM_GIT").replace(",", " ").split()


def ask_for_trees_of_scripts(settings: Settings, texts: Iterable[str]) -> None:
    """Ask for the trees of the services that the texts of scripts name, if they can be fetched.

    They are those of the pinned versions, so there are none with constraints of the user.
    """
    if user_constraints(settings):
        return
    if settings.is_true("OFFLINE") or settings.is_true("ERROR_ON_CLONE"):
        return
    code = (re.sub(r"(?m)(^|\s)#.*", "", text) for text in texts)
    found = {
        project.lower() for text in code for one in re.findall(_NAMED, text) for project in one
    }
    named = [project for project in SERVICES if project in found and _has_room(settings, project)]
    if named:
        settings.default(_OF_SCRIPTS, ",".join(named))


def tree_mistakes(settings: Settings, texts: Iterable[str]) -> Iterator[str]:
    """Yield what is wrong with the trees that the settings ask for.

    A name in LIBS_FROM_GIT must be a project, or one that the `texts` of scripts mention: they
    install libraries of their own. A directory that is already there must be a source tree.
    """
    known = {*SERVICES, *LIBRARIES, "ALL"}
    unknown = [name for name in libs_from_git(settings) if name not in known]
    scripts = "\n".join(texts) if unknown else ""
    for name in unknown:
        if not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", scripts):
            place = settings.local.place_of(name) or "LIBS_FROM_GIT"
            yield f"{place}: no project has the name {name}{did_you_mean(name, known)}"
    for tree in source_trees(settings):
        if not tree.is_there and _has_files(tree.directory):
            yield (
                f"{tree.directory} is to be the source tree of {tree.project}, but it has none of "
                f"{', '.join(SIGNS)}; move it away, or set {prefix_of(tree.project)}_DIR"
            )


def _tree(settings: Settings, project: str) -> SourceTree:
    prefix = prefix_of(project)
    directory = settings.get(f"{prefix}_DIR") or str(settings.path("DEST") / project)
    base = settings.get("GIT_BASE", "https://opendev.org")
    branch = settings.get("TARGET_BRANCH", "master")
    if project in _BRANCHLESS:
        branch = settings.get("BRANCHLESS_TARGET_BRANCH", "master")
    is_of_scripts = _is_of_scripts(settings, project)
    is_of_scripts = is_of_scripts and not _is_asked_for_by_user(settings, project)
    return SourceTree(
        project,
        package_of(project),
        Path(directory),
        settings.get(f"{prefix}_REPO", f"{base}/openstack/{project}.git"),
        settings.get(f"{prefix}_BRANCH", branch),
        _is_asked_for(settings, project),
        is_of_scripts,
        is_of_scripts or settings.is_true(FROM_SDIST),
    )


def _is_asked_for(settings: Settings, project: str) -> bool:
    """Return whether the settings or scripts ask for the project's tree."""
    return _is_of_scripts(settings, project) or _is_asked_for_by_user(settings, project)


def _is_of_scripts(settings: Settings, project: str) -> bool:
    return project in settings.get(_OF_SCRIPTS).split(",")


def _is_asked_for_by_user(settings: Settings, project: str) -> bool:
    if not {project, "ALL"}.isdisjoint(libs_from_git(settings)):
        return True
    prefix = prefix_of(project)
    if any(_is_of_user(settings, f"{prefix}_{end}") for end in ("REPO", "BRANCH")):
        return True
    default = str(settings.path("DEST") / project)
    directory = f"{prefix}_DIR"
    return _is_of_user(settings, directory) and settings[directory].rstrip("/") != default


def _is_of_user(settings: Settings, name: str) -> bool:
    """Return whether the user has set `name`; sessions and plugins have defaults of such names."""
    is_set = name in settings.local.variables or name in settings.environ
    return is_set and bool(settings.get(name))


def _has_room(settings: Settings, project: str) -> bool:
    """Return whether the tree is there, or nothing else: a plugin's repository may be."""
    tree = _tree(settings, project)
    return tree.is_there or not _has_files(tree.directory)


def _names_in(directory: Path) -> frozenset[str]:
    if not directory.is_dir():
        return frozenset()
    return frozenset(path.name for path in directory.iterdir())


def _has_files(directory: Path) -> bool:
    """Return whether there is anything but directories below `directory`.

    If it has our mark, its files are those that scripts have written for a service without a tree.
    """
    if (directory / OWNERSHIP_FILE).is_file():
        return False
    return any(not path.is_dir() for path in directory.rglob("*"))
