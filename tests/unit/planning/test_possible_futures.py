"""Futures that may be started although no step of the plan does."""

from pathlib import Path

import pytest

from doitstack.config.local_conf import LocalSettings
from doitstack.config.settings import Settings
from doitstack.planning.possible_futures import FutureNames, possible_futures, waits_in_scripts
from tests.unit.planning.drop_ins import drop_in, find

SETTINGS = Settings({"ENABLED_SERVICES": ""}, LocalSettings({}), frozenset())


def _of(top: Path, *texts: str) -> FutureNames:
    return possible_futures(find(top), SETTINGS, texts)


@pytest.mark.parametrize(
    ("line", "exact", "computed"),
    [
        ("async_run fetch git clone", ["fetch"], []),
        ("async_run 'fetch' git clone; async_run b c", ["b", "fetch"], []),
        ("async_runfunc fetch", ["fetch"], []),
        ("async_run --lock apt --timeout 3 fetch make", ["fetch"], []),
        ('async_run "fetch-$name" make', [], ["fetch\\-.*"]),
        ("async_run ${kind}_fetch make", [], [".*_fetch"]),
        ("async_run $(name) make", [], [".*"]),
        ("async_wait fetch", [], []),
    ],
)
def test_futures_of_scripts_are_found(
    tmp_path: Path, line: str, exact: list[str], computed: list[str]
) -> None:
    names = _of(tmp_path, line)
    assert (sorted(names.exact), sorted(names.computed)) == (exact, computed)


def test_futures_of_actions_and_of_services_that_are_not_enabled_are_found(tmp_path: Path) -> None:
    drop_in(
        tmp_path,
        """
        from doitstack import async_run

        services = ("greeter",)

        def act(stack):
            stack.async_run("literal", print)
            stack.async_run(f"install_{stack.dest}", print)

        @hookimpl
        def source(settings):
            if settings.is_service_enabled("greeter"):
                settings.default("GREETING", "hello")

        @hookimpl
        def stack_install(stack):
            yield async_run(stack.settings["GREETING"], print)
            if stack.is_service_enabled("other"):
                yield async_run("other", print)
    """,
    )
    names = _of(tmp_path)
    assert names.exact == {"hello", "literal", "other"}
    assert names.computed == {"install_.*"}
    assert "GREETING" not in SETTINGS


def test_hook_that_fails_may_declare_anything(tmp_path: Path) -> None:
    drop_in(tmp_path, "@hookimpl\ndef stack_install(stack):\n    yield 1 / 0\n")
    names = _of(tmp_path)
    assert names.may_be_computed("x")


def test_waits_that_are_written_out_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.sh"
    text = 'async_wait a b-1\nif x; then async_wait c; fi # async_wait d\nasync_wait "$e" f\n'
    assert list(waits_in_scripts({path: text})) == [
        (f"{path}:1", "a"), (f"{path}:1", "b-1"), (f"{path}:2", "c"), (f"{path}:3", "f"),
    ]  # fmt: skip
