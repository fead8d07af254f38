"""Virtual environments of the in-tree services: one place that knows their constraints."""

from pathlib import Path

from doitstack import Settings, Stack
from doitstack.venvs import Environment, take_bytecode
from doitstack.venvs import install as install_environment

KEYSTONE_INSTALL = "install_keystone"
"""Keystone's installation; most other work depends on it."""

_COMMON = ("pyuwsgi", "pymysql", "pymemcache", "python-memcached")

_SOURCES = ("ovs", "simplegeneric")
"""What glance and neutron need has no wheels; none of it takes a compiler."""


def environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment `$DEST/venvs/NAME` with `requirements`, constrained."""
    path = stack.dest / "venvs" / name
    return Environment(path, requirements, constraints(stack.settings), _SOURCES)


def service_environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment of a service, with what serves it, and what its stores are used by.

    It is the same for each kind of database, so that another one needs no installation.
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
    """Make the environment anew; timed as DevStack times pip."""
    with stack.timed("pip_install"):
        install_environment(made, stack.run)
        # Keystone's is there first, and has by now compiled what all services import.
        take_bytecode(made, environment(stack, "keystone"))
    stack.say(f"installed {', '.join(made.requirements)} into {made.path}")


def constraints(settings: Settings) -> str:
    """Return the constraints file in force: UPPER_CONSTRAINTS_FILE, or the one that we ship.

    A path may be relative to the stack directory; a URL stays as it is.
    """
    chosen = settings.get("UPPER_CONSTRAINTS_FILE")
    if not chosen:
        return str(Path(__file__).parents[1] / "constraints.txt")
    return chosen if "://" in chosen else str(Path(settings["TOP_DIR"]) / chosen)


def environ(stack: Stack) -> dict[str, str]:
    """Return what OpenStack's programs need, so that they write nothing into the user's home."""
    return {"XDG_CACHE_HOME": str(stack.data_dir / "cache")}
