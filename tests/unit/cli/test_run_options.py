"""The options of a run follow from the command line and the settings."""

from collections.abc import Sequence

import pytest

from doitstack.cli.run_options import MOST_JOBS, TEARDOWN, run_options, tears_down_only
from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.errors import SettingsError
from doitstack.futures.run_context import RunOptions


def options(tasks: Sequence[str] = ("stack",), jobs: int = 0, **values: str) -> RunOptions:
    settings = Settings({"ASYNC_JOBS": "0", **values}, LocalSettings({}), frozenset())
    return run_options(settings, tasks, jobs, keep_going=False)


def test_futures_run_in_parallel_by_default() -> None:
    assert options().parallel
    assert not options(DEVSTACK_PARALLEL="False").parallel


def test_jobs_on_the_command_line_come_before_the_setting() -> None:
    assert options(ASYNC_JOBS="3").jobs == 3
    assert options(jobs=2, ASYNC_JOBS="3").jobs == 2


@pytest.mark.parametrize(
    ("jobs", "setting", "message"),
    [
        (-1, "0", "-n -1: use a whole number, 0 or more"),
        (MOST_JOBS + 1, "0", "-n 4097: use 4096 at most, or 0 for no limit"),
    ],
)
def test_impossible_number_of_jobs_is_refused(jobs: int, setting: str, message: str) -> None:
    with pytest.raises(SettingsError) as raised:
        options(jobs=jobs, ASYNC_JOBS=setting)
    assert str(raised.value) == message


def test_tasks_that_only_remove_things() -> None:
    assert {"unstack", "clean", "_clean"} == TEARDOWN
    assert tears_down_only(["clean:plugin", "unstack"])
    assert not tears_down_only(["unstack", "stack"])
    assert options(("unstack",)).tears_down
    assert not options(()).tears_down
