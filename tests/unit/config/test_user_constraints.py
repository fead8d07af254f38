"""The constraints of the user: a setting, or a checkout of the requirements project."""

from pathlib import Path

from doitstack.bash import places
from doitstack.config.user_constraints import user_constraints
from tests.unit.recorded_actions import make_stack


def test_setting_is_a_path_or_url(tmp_path: Path) -> None:
    def chosen(value: str) -> str:
        return user_constraints(make_stack(tmp_path, UPPER_CONSTRAINTS_FILE=value).settings)

    assert chosen("") == ""
    assert chosen("own.txt") == str(tmp_path / "own.txt")
    assert chosen("/srv/own.txt") == "/srv/own.txt"
    assert chosen("https://example.org/c.txt") == "https://example.org/c.txt"


def test_checkout_of_the_requirements_project_constrains_services(tmp_path: Path) -> None:
    checkout = tmp_path / ".stack" / "requirements" / "upper-constraints.txt"
    checkout.parent.mkdir(parents=True)
    checkout.write_text("pbr===7.0\n")
    assert user_constraints(make_stack(tmp_path).settings) == str(checkout)
    own = make_stack(tmp_path, UPPER_CONSTRAINTS_FILE="/srv/own.txt").settings
    assert user_constraints(own) == "/srv/own.txt"


def test_lists_that_a_run_makes_are_no_checkout(tmp_path: Path) -> None:
    directory = tmp_path / ".stack" / "requirements"
    directory.parent.mkdir()
    settings = make_stack(tmp_path, REQUIREMENTS_DIR=str(directory)).settings
    places.make(settings)
    assert (directory / "upper-constraints.txt").is_file()
    assert user_constraints(settings) == ""
