"""Virtual environments of services: their constraints, and what they wait for."""

from pathlib import Path

from doitstack_plugins.shared import venvs
from tests.unit.recorded_actions import make_stack


def test_installations_wait_for_keystones_if_it_is_enabled(tmp_path: Path) -> None:
    assert venvs.installs_after(make_stack(tmp_path, ENABLED_SERVICES="key")) == [
        "install_keystone"
    ]
    assert venvs.installs_after(make_stack(tmp_path, ENABLED_SERVICES="tempest")) == []


def test_environment_of_a_service_holds_what_serves_it(tmp_path: Path) -> None:
    made = venvs.service_environment(make_stack(tmp_path), "glance", "glance")
    assert made.path == tmp_path / ".stack" / "venvs" / "glance"
    assert {"glance", "pyuwsgi", "pymysql"} <= set(made.requirements)


def test_constraints_are_ours_or_the_users(tmp_path: Path) -> None:
    shipped = Path(venvs.constraints(make_stack(tmp_path).settings))
    assert "\nkeystone==" in shipped.read_text()

    def chosen(value: str) -> str:
        return venvs.constraints(make_stack(tmp_path, UPPER_CONSTRAINTS_FILE=value).settings)

    assert chosen("c.txt") == str(tmp_path / "c.txt")
    assert chosen("/c.txt") == "/c.txt"
    assert chosen("https://example.invalid/c.txt") == "https://example.invalid/c.txt"
