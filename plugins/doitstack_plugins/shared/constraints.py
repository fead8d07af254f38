"""The constraints of all environments: the versions of their packages."""

from pathlib import Path

from doitstack import Settings
from doitstack.config.user_constraints import user_constraints

SHIPPED_CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
"""A version of each package; these are tested together."""


def constraints(settings: Settings) -> str:
    """Return the path or URL of the constraints: the user's, or those that we ship."""
    return user_constraints(settings) or str(SHIPPED_CONSTRAINTS)
