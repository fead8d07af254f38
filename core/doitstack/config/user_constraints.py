"""The constraints that the user gives for all installations, instead of the shipped ones."""

from pathlib import Path

from doitstack.config.dest_mark import OWNERSHIP_FILE
from doitstack.config.settings import Settings


def user_constraints(settings: Settings) -> str:
    """Return the path or URL of the user's constraints; empty if there are none.

    They are UPPER_CONSTRAINTS_FILE, relative to the stack directory; or, as in DevStack, those of
    the requirements project, if there is a checkout of it, not only the lists that a run makes for
    scripts. Services see what scripts install, so both need the same versions.
    """
    own = settings.get("UPPER_CONSTRAINTS_FILE")
    if own:
        return own if "://" in own else str(Path(settings["TOP_DIR"]) / own)
    directory = Path(settings.get("REQUIREMENTS_DIR") or settings.path("DEST") / "requirements")
    checkout = directory / "upper-constraints.txt"
    is_checkout = checkout.is_file() and not (directory / OWNERSHIP_FILE).is_file()
    return str(checkout) if is_checkout else ""
