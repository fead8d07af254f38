"""Virtual environments of services, with the constraints of the stack."""

from pathlib import Path

from doitstack import Settings, Stack
from doitstack.venvs import Environment, take_bytecode
from doitstack.venvs import install as install_environment

KEYSTONE_INSTALL = "install_keystone"
"""Keystone's installation; most other work depends on it."""

_COMMON = ("pyuwsgi", "pymysql", "pymemcache", "python-memcached")

_SOURCES = ("ovs", "simplegeneric")
"""Packages of glance and neutron without wheels; none of them needs a compiler."""


def environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment `$DEST/venvs/NAME` with `requirements`, constrained."""
    path = stack.dest / "venvs" / name
    return Environment(path, requirements, constraints(stack.settings), _SOURCES)


def service_environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment of a service, with uWSGI and the clients of databases and caches.

    It is the same for each kind of database, so that changing it needs no installation.
    """
    return environment(stack, name, *requirements, *_COMMON)


def installs_after(stack: Stack) -> list[str]:
    """Return the futures for which the other services' installations wait: Keystone's, if enabled.

    Seven installations at once take some two thirds of the time of one after another, but
    Keystone's would take three to six times as long as alone, and delay everything that depends on
    it. So the others start, all at once, after it.
    """
    return [KEYSTONE_INSTALL] if stack.is_service_enabled("key") else []


def install(stack: Stack, made: Environment) -> None:
    """Make the environment; timed as DevStack times pip."""
    with stack.timed("pip_install"):
        install_environment(made, stack.run)
        # Keystone's is made first, and has already compiled what all services import.
        take_bytecode(made, environment(stack, "keystone"))
    stack.say(f"installed {', '.join(made.requirements)} into {made.path}")


def constraints(settings: Settings) -> str:
    """Return the constraints file: UPPER_CONSTRAINTS_FILE, or the one that we ship.

    A path may be relative to the stack directory; a URL stays as it is.
    """
    chosen = settings.get("UPPER_CONSTRAINTS_FILE")
    if not chosen:
        return str(Path(__file__).parents[1] / "constraints.txt")
    return chosen if "://" in chosen else str(Path(settings["TOP_DIR"]) / chosen)


def environ(stack: Stack) -> dict[str, str]:
    """Return variables with which OpenStack's programs write nothing into the user's home."""
    return {"XDG_CACHE_HOME": str(stack.data_dir / "cache")}
