"""A plugin that was found and is not registered yet: a module or an object, and its origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from doitstack.errors import PluginError, describe_error
from doitstack.planning.call_action import place_of


class FoundPlugin(NamedTuple):
    """A plugin before it is registered.

    Args:
        origin: where it was found, for messages.
        source: the module or object that has the hooks.
        is_service: whether it is one of the in-tree services.
        scripts: the scripts that it sources.
    """

    name: str
    origin: str
    source: object
    is_service: bool = False
    scripts: tuple[Path, ...] = ()


@contextmanager
def blaming_imports(name: str, origin: str) -> Iterator[None]:
    """Turn whatever the import of plugin `name` raises, SystemExit included, into a PluginError."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise PluginError(
            name, f"{origin} cannot be imported: {describe_error(error)}{place_of(error)}"
        ) from error
