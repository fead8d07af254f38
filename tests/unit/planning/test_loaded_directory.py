"""The tasks of a stack directory, as doit gets them."""

from pathlib import Path

import pytest
from doit.exceptions import InvalidDodoFile

from doitstack.phases import Phase
from doitstack.planning.loaded_directory import LoadedDirectory, is_of_main_plan, loaded

DROP_IN = """
from doitstack import hookimpl, run
from doitstack.phases import Phase

def note(*_):
    pass

@hookimpl
def override_defaults(settings):
    yield run(note)

@hookimpl
def source(settings):
    settings.enable_service("mine")

@hookimpl
def stack_install(stack):
    if stack.is_service_enabled("mine"):
        yield run(note)

@hookimpl
def unstack(stack):
    yield run(note)

@hookimpl
def clean(stack):
    yield run(note)

@hookimpl
def tasks(stack):
    yield run(note, name="extra")
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoadedDirectory:
    monkeypatch.setenv("ENABLED_SERVICES", ",")
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-mine.py").write_text(DROP_IN)
    return LoadedDirectory(tmp_path)


def test_settings_phases_come_first_and_in_order(here: LoadedDirectory) -> None:
    defaults = list(here.settings_tasks(Phase.OVERRIDE_DEFAULTS))
    source = list(here.settings_tasks(Phase.SOURCE))
    assert [task.name for task in defaults] == ["override_defaults", "override_defaults:mine:note"]
    assert source[0].name == "source"
    assert source[0].task_dep == ["override_defaults"]


def test_main_tasks_know_what_source_has_enabled(here: LoadedDirectory) -> None:
    names = [task.name for task in here.main_tasks()]
    assert "stack:install:mine:note" in names
    assert {"stack", "unstack", "clean", "_clean", "async_cleanup"} <= {*names}
    assert all(is_of_main_plan(name) for name in names)


def test_clean_stops_first(here: LoadedDirectory) -> None:
    tasks = {task.name: task for task in here.clean_tasks()}
    assert tasks["_clean"].task_dep == ["unstack", "clean"]
    assert all(task.task_dep[0] == "unstack" for task in tasks.values())


def test_offered_tasks_are_of_no_phase(here: LoadedDirectory) -> None:
    (task,) = here.offered_tasks()
    assert task.name == "extra"
    assert not any(map(is_of_main_plan, ("extra", "source", "override_defaults:mine:note")))


def test_mistakes_are_doits_own_error(tmp_path: Path) -> None:
    (tmp_path / "extras.d").mkdir()
    (tmp_path / "extras.d" / "50-mine.py").write_text("1 / 0\n")
    with pytest.raises(InvalidDodoFile, match="50-mine"):
        list(LoadedDirectory(tmp_path).stack_tasks())


def test_directory_is_loaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = loaded()
    assert loaded() is first
    assert first.directory.stack.top_dir == tmp_path
