"""Find enabled services that no plugin has and no script uses. Runs nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from doitstack.planning.devstack_services import ABSENT, AbsentService, absent_service
from doitstack.planning.plugin import Plugin
from doitstack.suggestions import did_you_mean

_CHANGES = r"(?m)#.*$|\b(?:enable_service|disable_service|ENABLED_SERVICES\+?=)[^\n;&|]*"
"""Text of a script that does not count as use of a service: comments, and enabling it."""


class KnownServices(NamedTuple):
    """The services that plugins have, and the `texts` of all scripts."""

    plugins: tuple[Plugin, ...]
    texts: Mapping[Path, str]

    def has(self, name: str) -> bool:
        """Return whether a plugin or script has the service `name`."""
        if name in self.names:
            return True
        absent = absent_service(name)
        if absent:
            enabled = {plugin.name for plugin in self.plugins}
            is_run = self._is_in(rf"run_process\s+[\"']?{re.escape(name)}")
            return is_run or not enabled.isdisjoint(absent.plugins)
        return self._is_in(_names_and_prefixes(name)) or self._is_quoted(name)

    @property
    def names(self) -> frozenset[str]:
        """The names that Python plugins declare."""
        return frozenset(name for plugin in self.plugins for name in plugin.known_services)

    def nearest(self, name: str) -> str:
        """Return `; did you mean NAME?` for the nearest name, or nothing."""
        absent = (word for service in ABSENT for word in service.names if "*" not in word)
        return did_you_mean(name, [*self.names, *absent])

    def _is_in(self, pattern: str) -> bool:
        """Return whether a script has the words of `pattern` where it does not enable services."""
        words = rf"(?<![\w-])(?:{pattern})(?![\w-])"
        return any(re.search(words, re.sub(_CHANGES, "", text)) for text in self.texts.values())

    def _is_quoted(self, name: str) -> bool:
        """Return whether a Python plugin has `name` as a string, other than to enable it."""
        pattern = rf"(?<!enable_service\()[\"']{re.escape(name)}[\"']"
        return any(
            re.search(pattern, path.read_text(encoding="utf-8", errors="replace"))
            for plugin in self.plugins
            if not plugin.is_service
            for path in plugin.modules
        )


def _names_and_prefixes(name: str) -> str:
    """Return a pattern for `a-b-c`, `a-` and `a-b-`: scripts name many services by prefixes."""
    parts = name.split("-")
    prefixes = ("-".join(parts[:count]) + "-" for count in range(1, len(parts)))
    return "|".join(map(re.escape, (name, *prefixes)))


def unknown_services(known: KnownServices, names: Iterable[str]) -> Iterator[str]:
    """Yield the names that neither plugins, scripts nor DevStack have."""
    return (name for name in names if not known.has(name) and not absent_service(name))


def absent_services(known: KnownServices, names: Iterable[str]) -> Iterator[str]:
    """Yield a message for each service that only DevStack has, with what is there instead."""
    grouped: dict[AbsentService, list[str]] = {}
    for name in names:
        absent = absent_service(name)
        if absent and not known.has(name):
            grouped.setdefault(absent, []).append(name)
    for absent, found in grouped.items():
        end = f"; {absent.advice}" if absent.advice else ""
        yield f"doitstack does not have {', '.join(found)} ({absent.description}){end}"
