"""What a uWSGI worker does first: leave to its master what that has imported."""

import gc
import importlib
import sys
from types import ModuleType

import pytest

from doitstack_plugins.shared.uwsgi import MODULES


def test_workers_do_not_look_at_the_objects_of_the_master(monkeypatch: pytest.MonkeyPatch) -> None:
    uwsgi = ModuleType("uwsgi")
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    monkeypatch.syspath_prepend(str(MODULES))
    importlib.import_module("doitstack_freeze")
    monkeypatch.delitem(sys.modules, "doitstack_freeze")
    before = gc.get_freeze_count()
    uwsgi.__dict__["post_fork_hook"]()
    try:
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
