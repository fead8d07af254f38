"""What a run lacks: which of its system calls fail, and how."""

import errno
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from doitstack.config.dest_mark import removed_name
from tests.campaign.system_calls import CHANGES, DESCRIPTORS, FORKS, Call, is_thread

_GROWS = frozenset(CHANGES) - {
    *("rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "ftruncate"),
}


def _grows(call: Call) -> bool:
    if call.name.startswith("open"):
        return bool(call.flags & os.O_CREAT) and not os.path.lexists(call.path)
    return call.name in _GROWS and not _finds_it(call)


def _changes(call: Call) -> bool:
    if call.name.startswith("open"):
        return call.opens_for_writing
    return call.name not in {"fsync", "fdatasync", "syncfs"} and not _finds_it(call)


def _finds_it(call: Call) -> bool:
    """Return whether a call fails anyway: what it makes is there, or what it removes is not."""
    if call.name.startswith(("mk", "symlink", "link")):
        return os.path.lexists(call.path)
    return call.name in {"unlink", "unlinkat", "rmdir"} and not os.path.lexists(call.path)


def _moves_data(call: Call) -> bool:
    return call.name in {"write", "writev", "pwrite64", "fsync", "fdatasync", "sendfile"}


_STARTS = {**FORKS, "openat": DESCRIPTORS["openat"]}


def _is_process(call: Call) -> bool:
    return call.name in FORKS and not is_thread(call)


@dataclass(frozen=True)
class Kind:
    """What a run lacks: which of the `calls` fail, with which error, and whether only once."""

    calls: Mapping[str, int]
    concerns: Callable[[Call], bool]
    error: int = 0
    """0 for a kind that only takes `delay` (s) for each call."""
    delay: float = 0
    once: bool = False
    in_dest: bool = True
    """Whether only calls below DEST fail; if not, all calls once the run has its lock."""

    @property
    def says(self) -> str:
        """The words of the error."""
        return os.strerror(self.error)


KINDS = {
    "full": Kind(CHANGES, _grows, errno.ENOSPC),
    "full-once": Kind(CHANGES, _grows, errno.ENOSPC, once=True),
    "read-only": Kind(CHANGES, _changes, errno.EROFS),
    "broken": Kind(CHANGES, _moves_data, errno.EIO, once=True),
    "processes": Kind(_STARTS, _is_process, errno.EAGAIN, in_dest=False),
    "memory": Kind(_STARTS, _is_process, errno.ENOMEM, once=True, in_dest=False),
    "descriptors": Kind(DESCRIPTORS, lambda _: True, errno.EMFILE, in_dest=False),
    "slow": Kind(CHANGES, _moves_data, delay=0.02),
    "descriptors-once": Kind(DESCRIPTORS, lambda _: True, errno.ENFILE, once=True, in_dest=False),
}


_VARIES = re.compile(r"(?<=tmp)\w{8}|(?<=\.)\w{8}(?=\.new$)|[0-9a-f]*\d[0-9a-f]*")
"""What differs between runs in the name of a file: numbers, digests, random names."""


class Failure:
    """Lets call `number` of its kind fail, and unless that happens once, all later ones.

    Calls are counted from where the run writes `after`, and only those at `site` if it is given.

    Attributes:
        sites: how many there were at each site.
        what: which one failed first.
    """

    def __init__(
        self, kind: Kind, dest: Path, number: int, *, after: bytes = b"", site: str = ""
    ) -> None:
        self.kind = kind
        self._dest = dest
        self._number = number
        self._after = after
        self._site = site
        self._has_begun = kind.in_dest and not after
        self._last_paths: dict[int, str] = {}
        self.sites: Counter[str] = Counter()
        self.what = ""

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.sites.total()

    def __call__(self, call: Call) -> int:
        if not self._is_of_the_run(call) or not self.kind.concerns(call):
            return 0
        site = self._site_of(call)
        self.sites[site] += 1
        count = self.sites[site] if self._site else self.calls
        is_first = self._site in {"", site} and count == self._number
        is_due = is_first or bool(self.what and not self.kind.once)
        if is_first:
            self.what = f"{call.name} {call.path.removeprefix(str(self._dest))}"
        time.sleep(self.kind.delay)
        return self.kind.error if is_due else 0

    def _site_of(self, call: Call) -> str:
        """Return which program makes a call, which one, and of which file, or after which file.

        Outside of DEST, all files of a directory are one.
        """
        if self._is_in_dest(call):
            path = call.path.removeprefix(str(self._dest))
        else:
            path = os.path.dirname(call.path)
        if path:
            self._last_paths[call.pid] = path
        else:
            path = f"after {self._last_paths.get(call.pid, '')}"
        return f"{_program(call.pid)} {call.name} {_VARIES.sub('N', path)}"

    def _is_of_the_run(self, call: Call) -> bool:
        self._has_begun = self._has_begun or self._begins(call)
        return self._has_begun and (not self.kind.in_dest or self._is_in_dest(call))

    def _is_in_dest(self, call: Call) -> bool:
        return call.path.startswith((str(self._dest), str(removed_name(self._dest))))

    def _begins(self, call: Call) -> bool:
        if self._after:
            return call.name == "write" and self._after in call.data()
        return call.path == str(self._dest / ".lock")


def _program(pid: int) -> str:
    try:
        return _VARIES.sub("N", Path(f"/proc/{pid}/comm").read_text().strip())
    except OSError:
        return ""
