"""What the checks of plugins find in the settings."""

from pathlib import Path

import pytest

from doitstack.config.files_of_settings import file_or_url
from doitstack.config.settings import Settings, load_settings
from doitstack.phases import Phase
from doitstack.planning.plan import Declared, make_plan
from doitstack.planning.plugin import Plugin
from doitstack.planning.setting_mistakes import SettingMistakes, others_act_early, setting_mistakes
from doitstack.steps import Step, run

MISSING = "A_FILE=/gone: there is no file /gone"
BAD = "A_PORT=x: use a whole number, 0 or more"


def plugin(name: str) -> Plugin:
    return Plugin(name, "here", checked_settings={"A_PORT": Settings.port, "A_FILE": file_or_url})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path, {"A_PORT": "x", "A_FILE": "/gone"})


def test_each_mistake_is_told_once(settings: Settings) -> None:
    found = setting_mistakes([plugin("a"), plugin("b")], settings, lambda: False)
    assert found == SettingMistakes([BAD, MISSING], [])


def test_file_that_a_step_may_make_is_a_warning(settings: Settings) -> None:
    found = setting_mistakes([plugin("a"), plugin("b")], settings, lambda: True)
    assert found == SettingMistakes([BAD], [MISSING])


@pytest.mark.parametrize(
    ("declared", "is_early"),
    [
        ([], False),
        ([(Phase.SOURCE, "x", run(print))], True),
        ([(Phase.PRE_INSTALL, "x", run(print))], True),
        ([(Phase.PRE_INSTALL, "x", run(print, only_looks=True))], False),
        ([(Phase.INSTALL, "x", run(print)), (Phase.INSTALL, "key", run(print))], True),
        ([(Phase.INSTALL, "key", run(print)), (Phase.INSTALL, "x", run(print))], False),
        ([(Phase.INSTALL, "key", run(print)), (Phase.EXTRA, "x", run(print))], False),
    ],
)
def test_others_may_make_a_file_before_services_are_installed(
    declared: list[tuple[Phase, str, Step]], is_early: bool
) -> None:
    parts = (Declared(phase, Plugin(name, "here"), [step]) for phase, name, step in declared)
    assert others_act_early([make_plan(parts)], {"key"}) == is_early
