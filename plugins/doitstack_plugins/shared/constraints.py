"""The constraints of all environments: the versions of their packages."""

from pathlib import Path

from doitstack import Settings

SHIPPED_CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
"""A version of each package; these are tested together."""


def constraints(settings: Settings) -> str:
    """Return the constraints file: UPPER_CONSTRAINTS_FILE, or the one that we ship.

    A path may be relative to the stack directory; a URL stays as it is.
    """
    own = settings.get("UPPER_CONSTRAINTS_FILE")
    if not own:
        return str(SHIPPED_CONSTRAINTS)
    return own if "://" in own else str(Path(settings["TOP_DIR"]) / own)
