"""doit's state of the tasks, saved so that a crash or a full disk does not lose it."""

import sys
from pathlib import Path
from typing import Any

from doit.dependency import JsonDB

from doitstack.private_files import read_regular, write_private

_FILE_STATE = 3
"""The number of fields that doit saves about a file that a task depends on."""


class AtomicJsonDB(JsonDB):  # type: ignore[misc]
    """doit's JSON database, written atomically: a crash leaves the old file or the new file."""

    _has_failed = False

    def _load(self) -> Any:
        """Return the state of all tasks. Tasks whose state cannot be read run again."""
        try:
            state = self.codec.decode(read_regular(self.name).decode())
        except (OSError, ValueError, RecursionError):
            state = None
        tasks = state if isinstance(state, dict) else {}
        sound = {task: values for task, values in tasks.items() if _is_sound(values)}
        if sound != state:
            sys.stderr.write(
                f"WARNING: {self.name} is damaged or cannot be read; "
                f"steps that are up to date may run again\n"
            )
        return sound

    def dump(self) -> None:
        """Save the state. If that fails, the old file stays, and the user is warned once."""
        try:
            self._save()
        except OSError as error:
            self._warn(error)

    def dump_or_remove(self) -> None:
        """Save the state or remove its file, so that no step that was forgotten is up to date.

        Raises OSError if neither is possible.
        """
        try:
            self._save()
        except OSError as error:
            Path(self.name).unlink(missing_ok=True)
            self._warn(error)

    def _save(self) -> None:
        write_private(Path(self.name), self.codec.encode(self._db))

    def _warn(self, error: OSError) -> None:
        if not self._has_failed:
            sys.stderr.write(
                f"WARNING: {self.name} could not be saved: {error.strerror}; "
                f"the next run may repeat steps that are up to date\n"
            )
        self._has_failed = True


def _is_sound(values: Any) -> bool:
    """Return whether these are values of a task as doit saves them."""
    return isinstance(values, dict) and all(_is_value(*item) for item in values.items())


def _is_value(key: str, value: Any) -> bool:
    match key:
        case "_values_:":
            return isinstance(value, dict)
        case "deps:":
            return isinstance(value, list) and all(isinstance(name, str) for name in value)
        case "result:":
            return isinstance(value, str | dict)
        case "checker:" | "ignore:":
            return isinstance(value, str)
        case _:
            return isinstance(value, list) and len(value) == _FILE_STATE
