"""Virtual environments of the in-tree services: one place that knows their constraints."""

from pathlib import Path

from doitstack import Settings, Stack
from doitstack.environments import Environment
from doitstack.environments import install as install_environment


def environment(stack: Stack, name: str, *requirements: str) -> Environment:
    """Return the environment `$DEST/venvs/NAME` with `requirements`, constrained."""
    return Environment(stack.dest / "venvs" / name, requirements, constraints(stack.settings))


def install(stack: Stack, made: Environment) -> None:
    """Make the environment anew; timed as DevStack times pip."""
    with stack.timed("pip_install"):
        install_environment(made, stack.run)
    stack.say(f"installed {', '.join(made.requirements)} into {made.path}")


def constraints(settings: Settings) -> str:
    """Return the constraints file in force: UPPER_CONSTRAINTS_FILE, or the one that we ship.

    A path may be relative to the stack directory; a URL stays as it is.
    """
    chosen = settings.get("UPPER_CONSTRAINTS_FILE")
    if not chosen:
        return str(Path(__file__).with_name("constraints.txt"))
    return chosen if "://" in chosen else str(Path(settings["TOP_DIR"]) / chosen)


def environ(stack: Stack) -> dict[str, str]:
    """Return what OpenStack's programs need, so that they write nothing into the user's home."""
    return {"XDG_CACHE_HOME": str(stack.data_dir / "cache")}
