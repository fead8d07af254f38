"""What a server is told when it is started."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Options:
    """One program to keep warm.

    `script` is the console script, `directory` and `name` say where the socket is, `stamp` what
    client and server must have in common. `preload` names modules that must be there, and as
    `package.*` what can be imported of a package, if there is one. `setup` is Python that is run
    once, `rehearsals` are arguments with which the program is run in a fork to see what it imports.
    `paths` are further directories of packages that may come or change: then it starts anew.
    `fresh` modules are loaded again in each call, as they remember what the environment was;
    `indifferent` ones do not matter. After `idle` s it ends.
    """

    script: str
    directory: str
    name: str
    stamp: str
    preload: tuple[str, ...] = ()
    setup: str = ""
    rehearsals: tuple[tuple[str, ...], ...] = ()
    fresh: tuple[str, ...] = ()
    indifferent: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    idle: float = 1800.0

    def dump(self) -> str:
        """Return the options as one word."""
        return json.dumps(asdict(self))


def read_options(text: str) -> Options:
    """Return what `dump` has written."""
    fields = json.loads(text)
    fields["rehearsals"] = tuple(tuple(words) for words in fields["rehearsals"])
    for name in ("preload", "fresh", "indifferent", "paths"):
        fields[name] = tuple(fields[name])
    return Options(**fields)
