"""The screen that a run gets."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from doitstack.cli.choose_screen import choose_screen
from doitstack.console.screens import PlainScreen, QuietScreen


@pytest.mark.parametrize(
    ("mode", "kind"), [("plain", PlainScreen), ("quiet", QuietScreen), ("auto", PlainScreen)]
)
def test_without_a_terminal_the_screen_is_not_live(mode: str, kind: type, tmp_path: Path) -> None:
    executor, dispatcher = SimpleNamespace(), SimpleNamespace(tasks={})
    screen = choose_screen(mode, cast(Any, executor), cast(Any, dispatcher))
    assert type(screen) is kind
