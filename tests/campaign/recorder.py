"""Records the changes of a directory, from the system calls of a program."""

import os
from dataclasses import dataclass
from pathlib import Path

from tests.campaign.system_calls import OTHER_CHANGES, Call


@dataclass(frozen=True)
class Change:
    """One change below the recorded directory, with paths relative to it.

    `kind` is create, truncate, write, mkdir, symlink, link, rename, unlink, rmdir,
    sync or sync all.
    """

    kind: str
    path: str
    old: str = ""
    offset: int = 0
    data: bytes = b""


_KINDS = {
    **dict.fromkeys(("open", "openat", "creat"), "open"),
    **dict.fromkeys(("write", "pwrite64", "writev"), "write"),
    **dict.fromkeys(("sendfile", "copy_file_range"), "write"),
    **dict.fromkeys(("link", "linkat"), "link"),
    "fallocate": "allocate",
    **dict.fromkeys(("mkdir", "mkdirat"), "mkdir"),
    **dict.fromkeys(("mknod", "mknodat"), "create"),
    **dict.fromkeys(("symlink", "symlinkat"), "symlink"),
    **dict.fromkeys(("rename", "renameat", "renameat2"), "rename"),
    **dict.fromkeys(("unlink", "unlinkat"), "unlink"),
    **dict.fromkeys(("fsync", "fdatasync"), "sync"),
    "ftruncate": "truncate",
    "rmdir": "rmdir",
    "syncfs": "sync all",
}
_MAKING, _REMOVING = {"mkdir", "create", "symlink", "link"}, {"unlink", "rmdir"}


_MAP_SHARED, _PROT_WRITE, _KEEPS_SIZE, _RENAME_EXCHANGE = 1, 2, 1, 2
_CLONES = {0x40049409, 0x4020940D}
"""The requests of ioctl(2) that let a file have the content of another one."""


class Recorder:
    """Turns system calls into changes of `directory`.

    Attributes:
        unknown: calls that change files there in a way that is not recorded.
    """

    def __init__(self, directory: Path) -> None:
        self._prefix = f"{directory}/"
        self.changes: list[Change] = []
        self.unknown: set[str] = set()

    def __call__(self, call: Call) -> int:
        is_here, was_here = self._is_here(call.path), self._is_here(call.old)
        path = call.path.removeprefix(self._prefix[:-1]).removeprefix("/")
        if _is_unknown(call) and (is_here or call.name == "io_uring_setup"):
            self.unknown.add(f"{call.name} {path}")
        elif is_here and call.name in _KINDS:
            if _KINDS[call.name] in {"rename", "link"} and not was_here:
                self.unknown.add(f"{call.name} {call.old} to {path}")
            self.changes += [one for one in [self._change(call, path)] if one]
        elif was_here and call.name.startswith("rename"):
            self.changes.append(Change("unlink", call.old.removeprefix(self._prefix)))
        return 0

    def _is_here(self, path: str) -> bool:
        return f"{path}/".startswith(self._prefix)

    def _change(self, call: Call, path: str) -> Change | None:
        is_there = os.path.lexists(call.path)
        kind = _KINDS[call.name]
        if kind == "open":
            return self._opened(call, path, is_there=is_there)
        if kind == "write":
            return _written(call, path)
        if kind == "allocate":
            return None if call.arguments[1] else _allocated(call, path)
        if kind in _MAKING | _REMOVING and is_there is (kind in _MAKING):
            return None
        if call.name == "unlinkat" and os.path.isdir(call.path):
            kind = "rmdir"
        offset = call.arguments[1] if kind == "truncate" else 0
        return Change(kind, path, call.old.removeprefix(self._prefix), offset)

    @staticmethod
    def _opened(call: Call, path: str, *, is_there: bool) -> Change | None:
        if call.flags & os.O_CREAT and not is_there:
            return Change("create", path)
        is_cut = call.flags & os.O_TRUNC and os.path.getsize(call.path)
        return Change("truncate", path) if is_there and is_cut else None


def _is_unknown(call: Call) -> bool:
    """Return whether a call changes its file in a way that is not recorded."""
    match call.name:
        case "mmap":
            return bool(call.arguments[2] & _PROT_WRITE and call.arguments[3] & _MAP_SHARED)
        case "ioctl":
            return call.arguments[1] & 0xFFFFFFFF in _CLONES
        case "fallocate":
            return bool(call.arguments[1] & ~_KEEPS_SIZE)
        case "renameat2":
            return bool(call.arguments[4] & _RENAME_EXCHANGE)
        case _:
            return call.name in OTHER_CHANGES


def _written(call: Call, path: str) -> Change:
    return Change("write", path, offset=call.offset(), data=call.data())


def _allocated(call: Call, path: str) -> Change:
    return Change("write", path, offset=call.arguments[2] + call.arguments[3])
