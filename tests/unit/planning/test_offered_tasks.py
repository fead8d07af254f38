"""The tasks that plugins offer."""

import pytest

from doitstack.planning.offered_tasks import offer_mistake
from doitstack.planning.plugin import Plugin
from doitstack.steps import run


@pytest.mark.parametrize(
    ("name", "mistake"),
    [
        ("probe", ""),
        ("a b", "here offers the task 'a b'; use letters, digits"),
        ("plan", "here offers the task plan, which is a command; rename it"),
        ("taken", "here offers the task taken, which other has; rename it"),
    ],
)
def test_name_must_be_free_and_usable(name: str, mistake: str) -> None:
    said = offer_mistake(Plugin("x", "here"), run(print, name=name), {"taken": "other"})
    assert said.startswith(mistake)
    assert bool(said) == bool(mistake)
