"""doit's own state of a stack directory, kept so that a crash or a full disk does not lose it."""

import sys
from pathlib import Path
from typing import Any

from doit.dependency import DatabaseException, JsonDB

from doitstack.private_files import write_private


class AtomicJsonDB(JsonDB):  # type: ignore[misc]
    """doit's JSON state, written in one piece: a crash leaves the old one or the new one."""

    def _load(self) -> Any:
        """Return the state. One that cannot be read is no reason to do nothing."""
        try:
            return super()._load()
        except DatabaseException:
            sys.stderr.write(
                f"WARNING: what is up to date cannot be read from {self.name}; "
                f"this run will do more than it must\n"
            )
            return {}

    def dump(self) -> None:
        """Save the state. Where that cannot be, the old one stays and the user is told."""
        try:
            write_private(Path(self.name), self.codec.encode(self._db))
        except OSError as error:
            sys.stderr.write(
                f"WARNING: what is up to date could not be saved to {self.name}: "
                f"{error.strerror}; the next run will do more than it must\n"
            )
