"""The source trees of one environment: which it uses, and which of them are installed in it.

A record in the environment lists what is installed. The line of a tree is removed before it is
installed and written after it, so that an interrupted installation is repeated.
"""

from collections.abc import Iterator
from pathlib import Path

from doitstack.private_files import write_private
from doitstack.records import Record
from doitstack.source_trees import SourceTree, normalised
from doitstack.uptodate import digest

_PENDING = "-"


class InstalledTrees(Record):
    """The trees of the environment at `path`.

    `trees` are those that it may use: it uses those of `requirements`, and of the packages that are
    installed in `site_packages`.
    """

    path: Path
    site_packages: Path
    requirements: tuple[str, ...]
    trees: tuple[SourceTree, ...]

    @property
    def record(self) -> Path:
        """The file that lists the trees that are installed; there is none without trees."""
        return self.path / "doitstack.trees"

    def used(self) -> list[SourceTree]:
        """Return the trees that the environment uses."""
        if not self.trees:
            return []
        packages = {*map(normalised, self.requirements), *self._recorded()}
        infos = self.site_packages.glob("*.dist-info")
        packages.update(normalised(path.name.partition("-")[0]) for path in infos)
        return [tree for tree in self.trees if tree.package in packages]

    def missing(self) -> list[SourceTree]:
        """Return the trees that are to be installed, for the first time or again."""
        recorded = self._recorded()
        return [tree for tree in self.used() if recorded.get(tree.package) != _line(tree)]

    def has_others(self) -> bool:
        """Return whether a tree is installed that is not to be used any more."""
        return not self._recorded().keys() <= {tree.package for tree in self.trees}

    def installation(self) -> str:
        """Return a digest of what is installed again if it changes; empty without trees."""
        lines = [_line(tree) for tree in self.used()]
        return digest(*lines) if lines else ""

    def migrations(self) -> str:
        """Return a digest of the trees' migrations of databases; empty without trees."""
        parts = [tree.state.migrations for tree in self.used()]
        return digest(*parts) if parts else ""

    def code(self) -> str:
        """Return a digest of the code in the trees; empty without trees."""
        parts = [tree.code for tree in self.used()]
        return digest(*parts) if parts else ""

    def code_to_run(self) -> str:
        """Return the digest `code` for a process that is to run it, and no older byte code."""
        parts = [tree.code_to_run for tree in self.used()]
        return digest(*parts) if parts else ""

    def static(self) -> str:
        """Return a digest of the trees' files for browsers; empty without trees."""
        parts = [tree.state.static for tree in self.used()]
        return digest(*parts) if parts else ""

    def begin(self, trees: list[SourceTree]) -> None:
        """Record that trees are being installed."""
        self._write({tree.package: _PENDING for tree in trees})

    def finish(self, trees: list[SourceTree]) -> None:
        """Record that trees are installed."""
        self._write({tree.package: _line(tree) for tree in trees})

    def _write(self, lines: dict[str, str]) -> None:
        kept = {**self._recorded(), **lines}
        write_private(self.record, "".join(f"{name} {kept[name]}\n" for name in sorted(kept)))

    def _recorded(self) -> dict[str, str]:
        return dict(self._lines())

    def _lines(self) -> Iterator[tuple[str, str]]:
        if self.record.is_file():
            for line in self.record.read_text(encoding="utf-8").splitlines():
                name, _, rest = line.partition(" ")
                yield name, rest


def _line(tree: SourceTree) -> str:
    return f"{tree.state.metadata} {tree.directory}"
