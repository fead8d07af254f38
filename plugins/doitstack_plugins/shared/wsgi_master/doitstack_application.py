"""Import the application of a service for uWSGI, and let uWSGI end if that fails.

Of an application that calls `sys.exit` while it is imported, the worker would end, and uWSGI would
start another one again and again. If one raises an exception in a request, uWSGI would close the
connection without an answer; Keystone lets all exceptions of its code through.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

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


def answering_errors(application: Application) -> Application:
    """Return the application; it answers with 500 if it raises an exception, which is logged.

    The answer says nothing about the exception: its text may be for the log alone.
    """

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return application(environ, start_response)
        except Exception as error:
            # Into the log, as uWSGI does. The first frame is this one.
            trace = error.__traceback__ and error.__traceback__.tb_next
            sys.excepthook(type(error), error.with_traceback(trace), trace)
            # Not with the exception, as WSGI has it: uWSGI raises a SystemError then.
            start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
            return [b"Internal Server Error: the reason is in the log of the service\n"]

    return answer


def _enforce_foreign_keys() -> None:
    """Let SQLite do what MariaDB does: with a row it deletes those that belong to it."""
    sqlalchemy = importlib.import_module("sqlalchemy")

    def enforce(connection: Any, _: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")

    sqlalchemy.event.listen(sqlalchemy.engine.Engine, "connect", enforce)


if name := os.environ.get("DOITSTACK_APPLICATION"):
    application = answering_errors(load(name))
