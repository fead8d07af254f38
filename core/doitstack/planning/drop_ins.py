"""The drop-ins of a stack directory: numbered scripts and Python files in `extras.d`."""

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

from doitstack.errors import PluginError
from doitstack.phases import Phase
from doitstack.planning.found_plugin import FoundPlugin, blaming_imports
from doitstack.planning.plugin_registration import has_hooks
from doitstack.planning.scripts import ScriptHooks
from doitstack.steps import recorded_steps

DROP_INS = "extras.d"

_NUMBERED = re.compile(r"(\d\d)-([A-Za-z0-9][A-Za-z0-9._-]*)\.(sh|py)")
_RESERVED = ("0", "9")


def drop_ins(top_dir: Path) -> Iterator[Callable[[], FoundPlugin]]:
    """Yield a loader for each drop-in of `extras.d`, by number; it may raise PluginError."""
    for path in sorted((top_dir / DROP_INS).glob("[0-9][0-9]-*"), key=lambda path: path.name):
        if match := _NUMBERED.fullmatch(path.name):
            yield partial(_drop_in, path, match[2])


def _drop_in(path: Path, name: str) -> FoundPlugin:
    if path.is_fifo():
        raise PluginError(name, f"{path} is a FIFO: reading it would never end")
    return _module(path, name) if path.suffix == ".py" else _script(path, name)


def ignored_drop_ins(top_dir: Path) -> list[Path]:
    """Return the files of `extras.d` that look like drop-ins but have no number and name."""
    return [
        path
        for path in sorted((top_dir / DROP_INS).glob("*.*"))
        if path.suffix.lower() in {".sh", ".bash", ".py"} and not _NUMBERED.fullmatch(path.name)
    ]


def is_reserved(path: Path) -> bool:
    """Return whether a drop-in has a number that is reserved for the project (00-09, 90-99)."""
    return path.parent.name == DROP_INS and path.name.startswith(_RESERVED)


def _script(path: Path, name: str) -> FoundPlugin:
    return FoundPlugin(name, str(path), ScriptHooks(dict.fromkeys(Phase, path)), scripts=(path,))


def _module(path: Path, name: str) -> FoundPlugin:
    if path.is_dir():
        raise PluginError(name, f"{path} is a directory")
    specification = importlib.util.spec_from_file_location(f"extras_d_{path.stem}", path)
    if specification is None or specification.loader is None:
        raise PluginError(name, f"{path} is not a Python file")
    module: ModuleType = importlib.util.module_from_spec(specification)
    # The result of a future is pickled by the name of its module.
    sys.modules[specification.name] = module
    with blaming_imports(name, str(path)), recorded_steps() as made:
        specification.loader.exec_module(module)
    # What nothing refers to, other than the record and the call, cannot be yielded by a hook.
    if lost := [one for one in made if sys.getrefcount(one.what) <= 2]:
        raise PluginError(
            name, f"{lost[0].place}: {lost[0].verb} is outside of a hook; yield it in one"
        )
    return FoundPlugin(name, str(path), _source_of(name, path, module))


def _source_of(name: str, path: Path, module: ModuleType) -> object:
    """Return the source of a drop-in's hooks: its object `plugin` if that has any, or itself."""
    offered = getattr(module, "plugin", None)
    if not has_hooks(offered):
        return module
    if has_hooks(module):
        raise PluginError(
            name, f"{path}: both the module and its `plugin` have hooks; keep those of one"
        )
    return offered
