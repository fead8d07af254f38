"""What is in a source tree: digests of its kinds of files, and how git describes it.

The digests are of contents. So they change with each edit, switch of branches and new file, and are
the same again if that is undone. A commit of what is there already changes none of them.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from doitstack.errors import StepError
from doitstack.records import Record
from doitstack.uptodate import digest

_METADATA = re.compile(r"(setup\.(py|cfg)|pyproject\.toml|requirements\.txt|PKG-INFO)")
_MIGRATION = re.compile(
    r"(.+/)?(db|migrations?|alembic|alembic_migrations)/(.+/)?versions/.+|etc/metadefs/.+"
)
_WITHOUT_EFFECT = re.compile(
    r"\..*"  # of git, CI, editors
    r"|(doc|releasenotes|api-ref|api-guide|playbooks|roles|tools|gate|devstack|rally-jobs)/.*"
    r"|(.+/)?tests?/.*|.+\.po|.+~"
    r"|[^/]*\.(rst|md|toml|ini|yaml|yml|txt|cfg|lock)|[^/]+\.egg-info/.*|AUTHORS|ChangeLog|LICENSE"
)
"""The files that no running service reads; `etc/` is not among them."""
_STATIC = re.compile(r".+\.(js|scss|css|html|svg|png|ico|woff2?)")

_MOST_BYTES = 1_000_000
"""The size up to which a changed file is read; a larger one counts as changed if it is touched."""

_QUIET = ("-c", "core.fsmonitor=false", "--no-optional-locks")
_SKIPPED = frozenset({".git", "__pycache__", ".tox", ".venv", ".stestr", "build"})


class TreeState(Record):
    """What is in a source tree.

    branch, head: git's names of them, empty if it is no repository. If no branch is checked out,
        `branch` is that, or the tag or other reference, of which `head` was fetched, or empty.
    changed: the files that differ from `head`, also those that git does not track.
    metadata, migrations, static, code: digests of the files that say how it is installed, that
        migrate its database, that browsers get, and of all that a running service reads.
    """

    branch: str
    head: str
    changed: tuple[str, ...]
    metadata: str
    migrations: str
    static: str
    code: str


def read_state(directory: Path) -> TreeState:
    """Return what is in the tree. Raises StepError if git cannot read it."""
    if not (directory / ".git").exists():
        return _state("", "", (), {name: _stamp(path) for name, path in _walk(directory)})
    status = _git(directory, "status", "--porcelain=v2", "--branch", "-z", "-uall", "--no-renames")
    records = status.split("\0")
    facts = dict(
        record[2:].split(" ", 1) for record in records if record.startswith("# ") and " " in record
    )
    head, branch = facts.get("branch.oid", "(initial)"), facts.get("branch.head", "")
    head = "" if head == "(initial)" else head
    changed = tuple(sorted(_changed(records)))
    files = _committed(directory, head) if head else {}
    for name in changed:
        files.pop(name, None)
        if blob := _blob(directory / name):
            files[name] = blob
    if branch == "(detached)":
        branch = _fetched_reference(directory, head)
    return _state(branch, head, changed, files)


def _fetched_reference(directory: Path, head: str) -> str:
    """Return the name of what was fetched last if that is `head`; else an empty text."""
    path = directory / ".git" / "FETCH_HEAD"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    fetched = re.match(r"([0-9a-f]+)\t.*?'(.+)' of ", text)
    if not fetched:
        return ""
    return fetched[2] if fetched[1] == head or _tagged(directory, fetched[1]) == head else ""


def _tagged(directory: Path, tag: str) -> str:
    """Return the commit of an annotated tag, whose hash is its own; empty if git has lost it."""
    try:
        return _git(directory, "rev-parse", "--verify", f"{tag}^{{commit}}").strip()
    except StepError:
        return ""


def remove_stale_bytecode(directory: Path) -> None:
    """Remove the byte code of files that have changed since it was written.

    Python compares the size and the whole seconds of the time: of two edits within a second it
    would run the first.
    """
    for root, directories, names in os.walk(directory):
        if "__pycache__" in directories:
            _remove_stale(Path(root), {name for name in names if name.endswith(".py")})
        directories[:] = [name for name in directories if name not in _SKIPPED]


def _remove_stale(directory: Path, names: Set[str]) -> None:
    with os.scandir(directory / "__pycache__") as entries:
        for entry in entries:
            source = entry.name.split(".", 1)[0] + ".py"
            is_stale = source in names and (
                entry.stat().st_mtime_ns < (directory / source).stat().st_mtime_ns
            )
            if is_stale:
                Path(entry).unlink(missing_ok=True)


def _state(branch: str, head: str, changed: tuple[str, ...], files: Mapping[str, str]) -> TreeState:
    metadata, migrations, static, code = {}, {}, {}, {}
    for name, content in files.items():
        if _METADATA.fullmatch(name):
            metadata[name] = content
        elif _WITHOUT_EFFECT.fullmatch(name):
            continue
        elif _MIGRATION.fullmatch(name):
            migrations[name] = content
        else:
            code[name] = content
            if _STATIC.fullmatch(name):
                static[name] = content
    digests = (_digest(part) for part in (metadata, migrations, static, code))
    return TreeState(branch, head, changed, *digests)


def _digest(files: Mapping[str, str]) -> str:
    return digest(*(f"{name} {files[name]}" for name in sorted(files)))


def _changed(records: Iterable[str]) -> Iterator[str]:
    """Yield the names in the records of `git status --porcelain=v2`."""
    for record in records:
        kind = record[:1]
        if kind in ("1", "u", "?"):
            yield record.split(" ", {"1": 8, "u": 10, "?": 1}[kind])[-1]


def _committed(directory: Path, head: str) -> dict[str, str]:
    """Return git's hash of each file of a commit."""
    files = {}
    for entry in _git(directory, "ls-tree", "-r", "-z", head).split("\0"):
        facts, _, name = entry.partition("\t")
        if name:
            files[name] = facts.rpartition(" ")[2]
    return files


def _blob(path: Path) -> str:
    """Return git's hash of a file; empty if it does not exist."""
    try:
        if path.is_symlink():
            content = os.fsencode(path.readlink())
        elif path.stat().st_size > _MOST_BYTES:
            return _stamp(path)
        else:
            content = path.read_bytes()
    except OSError:
        return ""
    header = f"blob {len(content)}\0".encode()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


def _stamp(path: Path) -> str:
    status = path.lstat()
    return f"{status.st_mtime_ns} {status.st_size}"


def _walk(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of a tree and their names in it; not byte code and what builds leave."""
    for root, directories, names in os.walk(directory):
        directories[:] = [name for name in directories if name not in _SKIPPED]
        for name in names:
            path = Path(root, name)
            if path.exists() and not name.endswith((".pyc", ".swp")):
                yield str(path.relative_to(directory)), path


def _git(directory: Path, *words: str) -> str:
    """Return what git says; it may belong to another user, whose tree we only read."""
    command = ["git", "-C", str(directory), "-c", f"safe.directory={directory}", *_QUIET, *words]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip() or "git failed"
        raise StepError(f"cannot read the source tree {directory}: {reason}")
    return done.stdout.decode("utf-8", "surrogateescape")
