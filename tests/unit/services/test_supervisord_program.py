"""supervisord with what we add."""

import pytest
from supervisor.options import ServerOptions

from doitstack.services import supervisord_program


def test_it_adopts_orphans_once_it_is_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(ServerOptions, "daemonize", lambda _: done.append("daemonize"))
    monkeypatch.setattr(supervisord_program, "adopt_orphans", lambda: done.append("adopt"))
    supervisord_program._Options().daemonize()
    assert done == ["daemonize", "adopt"]
