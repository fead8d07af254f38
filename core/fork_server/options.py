"""The options of a fork server."""

import json
from typing import Any, NamedTuple


class Preparation(NamedTuple):
    """The work that a server does once, so that calls of its program are quick.

    preload: modules to import, which must exist; `package.*` stands for all modules directly in a
        package, if there is such a package. What they write to stderr, each call writes.
    setup: Python code to run once, for caches that importing does not fill.
    rehearsals: arguments with which the program is run in a fork, its output discarded, to import
        what it has then imported.
    fresh: modules to reload in each call, as they keep what they read of their environment.
    indifferent: modules that read their environment when imported, and whose findings do not
        matter.
    paths: further directories of packages; if their content changes, the server restarts.
    """

    preload: tuple[str, ...] = ()
    setup: str = ""
    rehearsals: tuple[tuple[str, ...], ...] = ()
    fresh: tuple[str, ...] = ()
    indifferent: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Options(NamedTuple):
    """One program to serve.

    script: path of the console script.
    directory: where the socket is; only its user may enter it (0700).
    name: the socket is `NAME.sock`.
    stamp: what client and server must have in common: see `client_script.stamp`.
    preparation: what to do before the first call.
    idle: seconds without a call after which the server ends.
    """

    script: str
    directory: str
    name: str
    stamp: str = ""
    preparation: Preparation = Preparation()
    idle: float = 1800.0

    def dump(self) -> str:
        """Return the options as one word of JSON."""
        return json.dumps({**self._asdict(), "preparation": self.preparation._asdict()})


def read_options(text: str) -> Options:
    """Return the options that `dump` has written."""
    fields = json.loads(text)
    preparation = {name: _as_tuple(value) for name, value in fields.pop("preparation").items()}
    return Options(**fields, preparation=Preparation(**preparation))


def _as_tuple(value: Any) -> Any:
    """Return a value with the lists of JSON as tuples."""
    return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
