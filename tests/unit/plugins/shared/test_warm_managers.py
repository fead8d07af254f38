"""The programs that migrate databases have the modules of all databases loaded."""

from pathlib import Path

import pytest

from doitstack.venvs import Environment
from doitstack_plugins.shared import venvs, warm_managers
from tests.unit.recorded_actions import make_stack


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return venvs.environment(make_stack(tmp_path), "tides", "tides-server")


def test_manager_preloads_its_modules_and_the_database_drivers(
    tmp_path: Path, environment: Environment
) -> None:
    stack = make_stack(tmp_path)
    program = warm_managers.manager(stack, environment, "tides-manage", "tides.db", SEA="north")
    assert (program.environment, program.name) == (environment, "tides-manage")
    assert program.preload[0] == "tides.db"
    assert {"pymysql", "sqlalchemy.dialects.sqlite.pysqlite"} <= {*program.preload}
    assert dict(program.env) == {**venvs.environ(stack), "SEA": "north"}
    # Entry points of what scripts install are found when it is imported.
    assert program.paths == (str(venvs.shared_site_packages(stack)),)
    assert program.idle < int(stack.settings["WARM_IDLE_SECONDS"])


def test_setup_forgets_the_proxies_of_the_time_of_import(
    tmp_path: Path, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.request

    monkeypatch.setattr(urllib.request, "_opener", "made with the server's proxies")
    program = warm_managers.manager(make_stack(tmp_path), environment, "tides-manage")
    exec(program.setup, {})
    assert urllib.request._opener is None  # type: ignore[attr-defined]
