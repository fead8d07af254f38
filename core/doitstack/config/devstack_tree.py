"""Files of DevStack's own tree that scripts source: `$TOP_DIR/lib/nova`.

A table lists its files and the functions that they define. Each file is a link to one script, by
which the functions of our library stand for DevStack's. What is in the stack directory already is
not touched; `clean` removes the links.
"""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from doitstack.config.settings import Settings

_BASH = Path(__file__).parents[1] / "bash"
_STAND_IN = _BASH / "devstack_file.sh"
_NAMED = re.compile(r"\$\{?(?:TOP|RC)_DIR\}?/(?:functions-common|inc|lib)(?![\w-])")


@cache
def functions_of_devstack() -> dict[str, tuple[str, ...]]:
    """Return the names of the functions of each file of DevStack: `lib/nova`."""
    lines = (_BASH / "devstack_functions").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in lines)
    return {file: tuple(names.split()) for file, _, names in pairs}


def make_links(settings: Settings, texts: Iterable[str]) -> None:
    """Make all links if one of the scripts names one, and we may write to the stack directory."""
    if not any(_NAMED.search(text) for text in texts):
        return
    with suppress(OSError):
        _make_tree(_tree(settings))
        for link in _possible_links(settings):
            if _is_free(settings, link):
                _link(link, _tree(settings) / link.name)


def has_file(settings: Settings, name: str) -> bool:
    """Return whether scripts find `$TOP_DIR/name`, once the links are made."""
    top = settings.path("TOP_DIR")
    if os.path.exists(top / name):  # noqa: PTH110 - Path raises for a long name
        return True
    can_link = _is_free(settings, top / name.partition("/")[0]) and os.access(top, os.W_OK)
    return name in functions_of_devstack() and can_link


def links(settings: Settings) -> Iterator[Path]:
    """Yield the links in the stack directory that exist."""
    return (link for link in _possible_links(settings) if _is_ours(settings, link))


def _possible_links(settings: Settings) -> list[Path]:
    tops = dict.fromkeys(name.partition("/")[0] for name in functions_of_devstack())
    return [settings.path("TOP_DIR") / name for name in tops]


def _tree(settings: Settings) -> Path:
    return settings.path("DEST") / ".devstack" / "tree"


def _is_ours(settings: Settings, link: Path) -> bool:
    return link.is_symlink() and link.readlink() == _tree(settings) / link.name


def _is_free(settings: Settings, link: Path) -> bool:
    return not os.path.lexists(link) or _is_ours(settings, link)


def _make_tree(tree: Path) -> None:
    for name in functions_of_devstack():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        _link(tree / name, _STAND_IN)


def _link(link: Path, target: Path) -> None:
    """Let `link` lead to `target`: doitstack may have been installed elsewhere in the meantime."""
    if not link.is_symlink() or link.readlink() != target:
        link.unlink(missing_ok=True)
        link.symlink_to(target)
