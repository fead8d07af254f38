"""The futures that may be started by other means than the plan.

Scripts and actions start futures as they run, and hooks declare more if more services are enabled.
Only a wait for any other name must be a mistake.
"""

import ast
import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path

from doitstack.config.settings import Settings
from doitstack.errors import PluginError
from doitstack.phases import STACK_PHASES
from doitstack.planning.plan import FutureNames
from doitstack.planning.plugin import Plugin
from doitstack.stack import Stack
from doitstack.steps import AWAITED_NAME, Kind
from doitstack.suggestions import did_you_mean

_STARTED = r"\basync_run(?:func)?\s+(?:--(?:lock|timeout)\s+\S+\s+)*((?:\$\([^)]*\)|[^\s;&|)])+)"
_AWAITED = r"(?:^|[;&|({]|\s)async_wait\s+([^;&|#)}]+)"
_EXPANSION = r"\$\{[^}]*\}|\$\([^)]*\)|`[^`]*`|\$\w+"
_ENABLES = re.compile(r"\benable_service\b|\bENABLED_SERVICES\+?=")
_ANY = ".*"


def possible_futures(
    plugins: Iterable[Plugin], settings: Settings, texts: Iterable[str]
) -> FutureNames:
    """Return the futures that hooks would declare if all services were enabled, and those that
    scripts, with these `texts`, and actions start as they run.
    """
    known = list(plugins)
    return _declared(known, settings) | _started_by_scripts(texts) | _started_by_actions(known)


def futures_beside_the_plan(
    plugins: Iterable[Plugin], settings: Settings, texts: Iterable[str]
) -> FutureNames:
    """Return those of them that need no further service, unless a step may enable it."""
    known, scripts = list(plugins), list(texts)
    modules = (path for one in known if not one.is_service for path in one.modules)
    actions = (path.read_text(encoding="utf-8", errors="replace") for path in modules)
    if any(_ENABLES.search(text) for text in chain(scripts, actions)):
        return possible_futures(known, settings, scripts)
    active = [
        one for one in known if not one.services or settings.is_service_enabled(*one.services)
    ]
    return _started_by_scripts(scripts) | _started_by_actions(active)


class _AllServices(Settings):
    """Settings in which each service is enabled."""

    def is_service_enabled(self, *names: str) -> bool:
        return True


def _declared(plugins: Iterable[Plugin], settings: Settings) -> FutureNames:
    everything = _AllServices(dict(settings), settings.local, settings.environ)
    stack = Stack(everything)
    names = FutureNames()
    for plugin in plugins:
        with suppress(PluginError):
            plugin.steps("source", settings=everything)
        for phase in STACK_PHASES:
            try:
                steps = plugin.steps(phase.hook, stack=stack)
            except PluginError:
                # It may need settings that only an enabled service has.
                names |= FutureNames(computed=frozenset({_ANY}))
            else:
                started = (step.name for step in steps if step.kind is Kind.ASYNC_RUN)
                names |= FutureNames(exact=frozenset(started))
    return names


def _started_by_scripts(texts: Iterable[str]) -> FutureNames:
    names = FutureNames()
    for text in texts:
        for word in re.findall(_STARTED, text):
            names |= _names_of_word(re.sub(r"[\"']", "", word))
    return names


def _names_of_word(word: str) -> FutureNames:
    parts = re.split(_EXPANSION, word)
    if len(parts) == 1:
        return FutureNames(exact=frozenset({word}))
    return FutureNames(computed=frozenset({_ANY.join(map(re.escape, parts))}))


def _started_by_actions(plugins: Iterable[Plugin]) -> FutureNames:
    names = FutureNames()
    hooks = (hook.function for plugin in plugins for hook in plugin.hooks.values())
    for file in dict.fromkeys(inspect.getfile(function) for function in hooks):
        for node in ast.walk(ast.parse(Path(file).read_bytes())):
            match node:
                # A call that is not of a method makes a step, which a hook declares.
                case ast.Call(func=ast.Attribute(attr="async_run"), args=[name, *_]):
                    names |= _names_of_expression(name)
    return names


def _names_of_expression(node: ast.expr) -> FutureNames:
    if isinstance(node, ast.Constant):
        return FutureNames(exact=frozenset({str(node.value)}))
    if not isinstance(node, ast.JoinedStr):
        return FutureNames(computed=frozenset({_ANY}))
    parts = (
        re.escape(str(part.value)) if isinstance(part, ast.Constant) else _ANY
        for part in node.values
    )
    return FutureNames(computed=frozenset({"".join(parts)}))


def waits_in_scripts(texts: Mapping[Path, str]) -> Iterator[tuple[str, str]]:
    """Yield FILE:LINE and name of the waits in bash scripts whose names are written out."""
    for path, text in texts.items():
        for number, line in enumerate(text.splitlines(), start=1):
            for words in re.findall(_AWAITED, line.partition(" #")[0]):
                for name in filter(AWAITED_NAME.fullmatch, words.replace('"', "").split()):
                    yield f"{path}:{number}", name


def unknown_waits(waits: Iterable[tuple[str, str]], known: FutureNames) -> Iterator[str]:
    """Yield a warning for each wait for a name that is not known, but nearly one that is."""
    for place, name in waits:
        near = "@" not in name and did_you_mean(name, known.exact)
        if near and name not in known.exact and not known.may_be_computed(name):
            yield f"{place}: async_wait {name}: nothing starts this future{near}"
