"""Import the application of a service for uWSGI, and let uWSGI end if that fails.

Of an application that calls `sys.exit` while it is imported, the worker would end, and uWSGI would
start another one again and again.
"""

import importlib
import os
import traceback
from typing import Any

_FAILED = 22
"""If a worker exits with this code, uWSGI ends instead of starting another."""


def load(name: str) -> Any:
    """Return the application `module:attribute`; if it cannot be imported, exit with the reason."""
    module, _, attribute = name.partition(":")
    try:
        if "DOITSTACK_SQLITE_FOREIGN_KEYS" in os.environ:
            _enforce_foreign_keys()
        return getattr(importlib.import_module(module), attribute)
    except BaseException as error:
        # The first frame is this one.
        trace = error.__traceback__
        traceback.print_exception(error.with_traceback(trace and trace.tb_next))
        os._exit(_FAILED)


def _enforce_foreign_keys() -> None:
    """Let SQLite do what MariaDB does: with a row it deletes those that belong to it."""
    sqlalchemy = importlib.import_module("sqlalchemy")

    def enforce(connection: Any, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", enforce)


if name := os.environ.get("DOITSTACK_APPLICATION"):
    application = load(name)
