"""Virtual environments of services, with the constraints of the stack."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from doitstack import Stack
from doitstack.private_files import has_text
from doitstack.venvs import Environment
from doitstack.venvs import install as install_environment
from doitstack.venvs import remove as remove_environment
from doitstack_plugins.shared import extensions, fetched_trees
from doitstack_plugins.shared.constraints import SHIPPED_CONSTRAINTS, constraints

if TYPE_CHECKING:
    from doitstack.bytecode_cache import BytecodeCache

KEYSTONE_INSTALL = "install_keystone"
"""Keystone's installation; most other work depends on it."""

_COMMON = ("pyuwsgi", "pymysql", "pymemcache", "python-memcached")

_SOURCES = ("ovs", "simplegeneric", "libvirt-python")
"""Packages without wheels; only the last, for nova's guests, needs a compiler."""


def environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment `$DEST/venvs/NAME` with `requirements`, constrained.

    Packages that have a source tree come from it.
    """
    constrained_by = constraints(stack.settings)
    return Environment(
        _directory(stack) / name,
        requirements,
        constrained_by,
        _SOURCES,
        is_pinned=constrained_by == str(SHIPPED_CONSTRAINTS),
        trees=stack.trees,
    )


def service_environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment of a service, with uWSGI and the clients of databases and caches.

    It is the same for each kind of database, so that changing it needs no installation.
    """
    return environment(stack, name, *requirements, *_COMMON)


def installs_after(stack: Stack, *projects: str) -> list[str]:
    """Return the futures for which installations wait: Keystone's, if enabled, and source trees.

    Seven installations at once take some two thirds of the time of one after another, but
    Keystone's would take three to six times as long as alone, and delay everything that depends on
    it. So the others start, all at once, after it. The trees are those of `projects`, by default of
    all, and of libraries.
    """
    first = [KEYSTONE_INSTALL] if stack.is_service_enabled("key") else []
    return [*first, *fetched_trees.futures(stack, *projects)]


def install(stack: Stack, made: Environment) -> None:
    """Make the environment, with its byte code; timed as DevStack times pip."""

    def add_bytecode(cache: "BytecodeCache") -> None:
        # Keystone's is made first, and has already compiled what all services import.
        cache.keep(environment(stack, "keystone").site_packages)
        cache.restore(made.site_packages)

    with stack.timed("pip_install"):
        install_environment(made, stack.run, stack.warn)
        see_shared_packages(stack, made)
        _use_cache(stack, add_bytecode)
    stack.say(f"installed {', '.join(made.requirements)} into {made.path}")


def remove(stack: Stack, made: Environment) -> None:
    """Remove the environment; its byte code is kept for the next one."""
    _use_cache(stack, lambda cache: cache.keep(made.site_packages))
    remove_environment(made)


def keep_bytecode(stack: Stack) -> None:
    """Keep the byte code of all environments for later ones, of other stacks, too."""

    def keep(cache: "BytecodeCache") -> None:
        if sum(cache.keep(made.site_packages) for made in _installed(stack)):
            cache.prune()

    _use_cache(stack, keep)


def installations(stack: Stack) -> str:
    """Return a text that changes if an environment is installed."""
    return repr([(str(made.path), made.stamp.stat().st_mtime_ns) for made in _installed(stack)])


def see_shared_packages(stack: Stack, made: Environment) -> None:
    """Let an environment see what scripts install, as in DevStack's one environment.

    Drivers, commands and tests of plugins come this way, also from source trees. If both have a
    package, the environment's own is used; what does not work with that is hidden.
    """
    link = made.site_packages / "doitstack-extensions.pth"
    shared = shared_site_packages(stack)
    if not made.site_packages.is_dir():
        return
    hidden = extensions.hidden_modules(shared, made.site_packages)
    text = extensions.text_of_path_file(shared, hidden)
    if not has_text(link, text):
        link.write_text(text, encoding="utf-8")
        if hidden:
            stack.say(f"hidden from {made.path}, whose versions they refuse: {', '.join(hidden)}")


def shared_site_packages(stack: Stack) -> Path:
    """Return where `pip_install` of a script puts packages, once there are any."""
    shared = stack.settings.get("STACK_VENV") or str(stack.dest / "venvs" / "stack")
    return Environment(Path(shared), ()).site_packages


def environ(stack: Stack) -> dict[str, str]:
    """Return variables with which OpenStack's programs write nothing into the user's home."""
    return {"XDG_CACHE_HOME": str(stack.data_dir / "cache")}


def _directory(stack: Stack) -> Path:
    return stack.dest / "venvs"


def _installed(stack: Stack) -> list[Environment]:
    """Return the environments that are complete."""
    found = (Environment(path, ()) for path in sorted(_directory(stack).glob("*")))
    return [made for made in found if made.stamp.exists()]


def _use_cache(stack: Stack, use: Callable[["BytecodeCache"], object]) -> None:
    """Call `use` with the cache of byte code; without the cache all works, too, but slower."""
    from doitstack.bytecode_cache import BytecodeCache  # noqa: PLC0415 - hooks are called to list
    from doitstack.config.cache_directories import BYTECODE, cache_directory  # noqa: PLC0415

    cache = BytecodeCache(cache_directory(stack.settings) / BYTECODE)
    try:
        use(cache)
    except OSError as error:
        stack.say(f"the byte code cache {cache.directory} is not used: {error.strerror}")
