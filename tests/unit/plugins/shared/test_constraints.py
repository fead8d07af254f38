"""The versions that all environments follow: the user's, or those that we ship."""

from pathlib import Path

from doitstack_plugins.shared.constraints import SHIPPED_CONSTRAINTS, constraints
from tests.unit.recorded_actions import make_stack


def test_constraints_are_ours_or_the_users(tmp_path: Path) -> None:
    def chosen(value: str) -> str:
        return constraints(make_stack(tmp_path, UPPER_CONSTRAINTS_FILE=value).settings)

    assert chosen("") == str(SHIPPED_CONSTRAINTS)
    assert chosen("own.txt") == str(tmp_path / "own.txt")
