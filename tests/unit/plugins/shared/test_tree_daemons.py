"""Daemons that run code from source trees, stopped before they are started anew."""

from pathlib import Path

import pytest

from doitstack.services.services import Services
from doitstack.stack import Stack
from doitstack_plugins.shared import tree_daemons
from tests.unit.recorded_actions import make_stack


@pytest.mark.parametrize(("code", "stopped"), [("new", [("b", "c", False)]), ("", [])])
def test_daemons_that_run_other_code_are_asked_to_end_together(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    stopped: list[tuple[str | bool, ...]],
) -> None:
    stack, done = make_stack(tmp_path), list[tuple[str | bool, ...]]()
    monkeypatch.setattr(Services, "runs", lambda _, name, code: name == "a")
    monkeypatch.setattr(Stack, "stop_process", lambda _, *names, wait: done.append((*names, wait)))
    tree_daemons.stop_outdated(stack, ["a", "b", "c"], code)
    assert done == stopped
