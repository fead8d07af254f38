"""Virtual environments under `$DEST`, created by uv and used only if they are complete.

Knows neither services nor steps. An environment has a stamp: a digest of everything that it was
created from. The stamp is removed before an installation and written after it, so that an
interrupted installation is never used.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from doitstack import constraint_files
from doitstack.errors import CommandError, StepError
from doitstack.installed_files import files_digest
from doitstack.private_files import (
    has_text,
    locked,
    private_directory,
    sync,
    sync_file_system,
    tail,
    write_private,
)
from doitstack.records import Record
from doitstack.uptodate import digest

if TYPE_CHECKING:
    from doitstack.installed_trees import InstalledTrees
    from doitstack.source_trees import SourceTree

ProgramRunner = Callable[[Sequence[str]], None]
"""Runs a program; raises CommandError if its exit code is not 0."""

_PROBE = "import sys; print(sys.version.split()[0])"
_OWN_VERSION = sys.version.split()[0]


class Environment(Record):
    """A virtual environment: its path and its content.

    `requirements` are as for pip, `constraints` is the path or URL of a constraints file, or
    empty. A URL is read when the environment is created, and assumed unchanged later. `sources`
    names packages that have no wheel and are built from source. `is_pinned` is whether the
    constraints name one version of each package, with the hashes of its files: so no index can
    offer a better one, or another file. `trees` are source trees; those of packages that the
    environment has take the place of their wheels.
    """

    path: Path
    requirements: tuple[str, ...]
    constraints: str = ""
    sources: tuple[str, ...] = ()
    is_pinned: bool = False
    trees: "tuple[SourceTree, ...]" = ()

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.path / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """The directory of the environment's packages."""
        return self.path / "lib" / f"python{_OWN_VERSION.rpartition('.')[0]}" / "site-packages"

    @property
    def stamp(self) -> Path:
        """The file with the digest of the wheels that the environment was created from."""
        return self.path / "doitstack.stamp"

    @property
    def installed_trees(self) -> "InstalledTrees":
        """The source trees that it uses."""
        from doitstack.installed_trees import InstalledTrees  # noqa: PLC0415 - not for lists

        return InstalledTrees(self.path, self.site_packages, self.requirements, self.trees)

    def program(self, name: str) -> str:
        """Return the path of a program in the environment."""
        return str(self.path / "bin" / name)

    def digest(self) -> str:
        """Return a digest of what it is created from; of trees, these are their metadata."""
        trees = self.installed_trees.installation()
        return digest(self.digest_of_wheels(), trees) if trees else self.digest_of_wheels()

    def digest_with_migrations(self) -> str:
        """Return a digest of what the schemas of databases follow from.

        An installation may add migrations, as entry points.
        """
        migrations = self.installed_trees.migrations()
        return digest(self.digest(), migrations) if migrations else self.digest()

    def digest_of_wheels(self) -> str:
        """Return a digest of requirements, constraints, version of Python and path.

        The path is part of it because the programs of a moved environment do not work.
        """
        parts = (
            *sorted(self.requirements),
            constraint_files.content(self.constraints),
            sys.base_prefix,
        )
        text = "\0".join((*parts, _OWN_VERSION, str(self.path)))
        return hashlib.sha256(text.encode()).hexdigest()

    def contents(self) -> str:
        """Return a digest of what is installed in it, wherever it is, and of its trees' files.

        It is empty if there is nothing, or if it can change without an installation.
        """
        trees = self.installed_trees
        files = files_digest(self.site_packages, {tree.package for tree in trees.used()})
        return digest(files, trees.installation(), trees.code()) if files else ""

    def code_to_run(self) -> str:
        """Return a digest of the code that its programs run from trees; empty without trees."""
        return self.installed_trees.code_to_run()

    def is_current(self) -> bool:
        """Return whether the environment is complete and has this digest; usable as `uptodate`."""
        return self.has_wheels() and not self.installed_trees.missing()

    def has_wheels(self) -> bool:
        """Return whether it is complete, but perhaps for trees that take the place of wheels."""
        if self.installed_trees.has_others():
            return False
        return has_text(self.stamp, self.digest_of_wheels() + "\n") and self._works()

    def _works(self) -> bool:
        """Return whether the interpreter runs: the Python that it links to may be gone."""
        with suppress(OSError):
            if self.python.samefile(sys.executable):
                return True  # as this program does
        command = [str(self.python), "-I", "-c", _PROBE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.stdout.strip() == _OWN_VERSION


def install(
    environment: Environment, run: ProgramRunner, warn: Callable[[str], None] = print
) -> None:
    """Create `environment`, with uv: wheels first, then trees; uv's messages go to `PATH.log`.

    If only trees are missing, only they are installed. Raises StepError with uv's reason: no
    network, no such version, no space, bad metadata in a tree. Warns if trees need other versions
    than those that are pinned, which then give way.
    """
    lacks_only_trees = environment.has_wheels() and environment.installed_trees.missing()
    if not lacks_only_trees:
        _install_wheels(environment, run)
    # A tree may need a package that has a tree, too.
    while missing := environment.installed_trees.missing():
        _install_trees(environment, run, missing, warn)


def _install_wheels(environment: Environment, run: ProgramRunner) -> None:
    """Create the environment from scratch, from wheels only.

    If it is pinned, the index is asked only if uv's cache does not have all packages. Otherwise
    each answer of an index that supports no revalidation lets uv build packages from source again.
    Packages without a matching hash are refused, also those that a build needs.
    """
    made_from = environment.digest_of_wheels()
    if environment.stamp.exists():
        environment.stamp.unlink()
        sync(environment.path)
    private_directory(environment.path.parent)
    _uv(environment, run, ["venv", "--clear", "--python", sys.executable, str(environment.path)])
    arguments = _install_arguments(environment)
    if not (environment.is_pinned and _install_offline(environment, run, arguments)):
        _uv(environment, run, ["pip", "install", *arguments])
    # uv synchronises nothing: a crash of the machine could leave empty files beside the stamp.
    sync_file_system(environment.path.parent)
    write_private(environment.stamp, made_from + "\n")


def _install_trees(
    environment: Environment,
    run: ProgramRunner,
    trees: "list[SourceTree]",
    warn: Callable[[str], None],
) -> None:
    from doitstack import editable_installs  # noqa: PLC0415 - most stacks have no trees

    text = constraint_files.text(environment.constraints)
    packages = [tree.package for tree in environment.trees]
    constraints = environment.path.with_name(f"{environment.path.name}.constraints")
    write_private(constraints, editable_installs.without_packages(text, packages))
    what = ", ".join(f"the source tree {tree.directory}" for tree in trees)

    def run_uv(arguments: Sequence[str], variables: Mapping[str, str]) -> None:
        words = [f"{name}={value}" for name, value in variables.items()]
        call = partial(_uv, environment, run, what=what, variables=words)
        try:
            call(arguments)
        except StepError:
            built = [tree for tree in trees if str(tree.directory) in arguments]
            changes = _relax(environment, constraints, built, call)
            if not changes:
                raise
            call(arguments)
            warn(f"{what} needs other versions than those that are pinned: {', '.join(changes)}")

    environment.installed_trees.begin(trees)
    # Of several uv that build the same trees, each waits for what another one builds, and fails
    # when that takes long.
    with locked(environment.path.parent):
        editable_installs.install_trees(
            trees,
            arguments=[*_common_arguments(environment), "--constraint", str(constraints)],
            versions=editable_installs.pinned_versions(text),
            run_uv=run_uv,
        )
    for tree in trees:
        editable_installs.link_data_files(tree.directory, environment.path)
    sync_file_system(environment.path.parent)
    environment.installed_trees.finish(trees)


def _relax(
    environment: Environment,
    constraints: Path,
    trees: "list[SourceTree]",
    uv: Callable[[list[str]], None],
) -> tuple[str, ...]:
    """Let the pins in the file `constraints` give way that make trees impossible; return which."""
    from doitstack import relaxed_pins  # noqa: PLC0415 - seldom

    if not environment.is_pinned or relaxed_pins.NO_SOLUTION not in constraint_files.content(
        str(_log(environment))
    ):
        return ()
    own = {tree.package for tree in environment.trees}
    compiling = ["pip", "compile", "--quiet", *_common_arguments(environment)]
    compiling += [word for tree in trees for word in ("--no-binary", tree.package)]
    try:
        relaxed = relaxed_pins.relax(
            constraints.read_text(encoding="utf-8"),
            trees=[tree.directory for tree in trees],
            requirements=[one for one in environment.requirements if one not in own],
            directory=environment.path,
            run_uv=lambda words: uv([*compiling, *words]),
        )
    except StepError:
        return ()
    write_private(constraints, relaxed.text)
    return relaxed.changes


def remove(environment: Environment) -> None:
    """Remove the environment and its log; does nothing if it does not exist."""
    environment.stamp.unlink(missing_ok=True)
    shutil.rmtree(environment.path, ignore_errors=True)
    for end in ("log", "constraints"):
        environment.path.with_name(f"{environment.path.name}.{end}").unlink(missing_ok=True)


def _install_offline(environment: Environment, run: ProgramRunner, arguments: list[str]) -> bool:
    """Return whether uv's cache had all packages."""
    try:
        _uv(environment, run, ["pip", "install", "--offline", *arguments])
    except StepError:
        return False
    return True


def _common_arguments(environment: Environment) -> list[str]:
    """Return arguments of uv for installations of wheels and of trees."""
    arguments = ["--python", str(environment.python)]
    if environment.is_pinned:
        # Constraints of the user may have versions that are to be built, as those of OpenStack do.
        arguments += ["--only-binary", ":all:"]
    if "UV_LINK_MODE" not in os.environ:
        # The same file everywhere, so that its byte code is valid everywhere.
        arguments += ["--link-mode", "hardlink"]
    for name in environment.sources:
        arguments += ["--no-binary", name]
    return arguments


def _install_arguments(environment: Environment) -> list[str]:
    arguments = _common_arguments(environment)
    if environment.constraints:
        arguments += ["--constraint", environment.constraints]
    pins: list[str] = []
    if environment.is_pinned:
        pins = constraint_files.pins(environment.constraints, environment.requirements)
    if pins:
        arguments += ["--require-hashes", "--build-constraint", environment.constraints]
    return [*arguments, "--", *(pins or environment.requirements)]


def _uv(
    environment: Environment,
    run: ProgramRunner,
    arguments: Sequence[str],
    *,
    what: str = "",
    variables: Sequence[str] = (),
) -> None:
    """Run uv; `what` is what it installs, by default the requirements. Raises StepError."""
    from uv import find_uv_bin  # noqa: PLC0415 - not for every `doit list`

    log = _log(environment)
    # An uv that is too old for this variable still checks the hashes of what builds need.
    strict = ["UV_REQUIRE_BUILD_HASHES=1"] if "--require-hashes" in arguments else []
    variables = [*strict, *variables]
    prefix = ["env", *variables] if variables else []
    uv = [*prefix, find_uv_bin(), "--no-progress", "--no-python-downloads", *arguments]
    write_private(log, "")
    # uv writes all messages to stderr. They go to a file, so that the error can contain the reason.
    try:
        run(["sh", "-c", 'exec "$@" 2>"$0"', str(log), *uv])
    except CommandError as error:
        raise StepError(_reason(environment, what, tail(log))) from error


def _log(environment: Environment) -> Path:
    return environment.path.with_name(environment.path.name + ".log")


def _reason(environment: Environment, what: str, said: str) -> str:
    free = shutil.disk_usage(environment.path.parent).free // 2**20
    source = "uv's cache, which must have all packages as OFFLINE is set"
    source = source if os.environ.get("UV_OFFLINE") else "the network"
    metadata = "its metadata and requirements, " if what else ""
    return (
        f"cannot install {what or ', '.join(environment.requirements)} into {environment.path}: "
        f"look at {metadata}{source}, the versions in UPPER_CONSTRAINTS_FILE and the space "
        f"({free} MiB are free), then run it again\nuv says:\n{said}"
    )
