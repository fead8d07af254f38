"""Services that bash describes are started with their command, user, group and environment."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from doitstack.bash import service_requests
from doitstack.bash.request_handlers import Answer, answer
from tests.unit.bash.fake_stack import FakeStack


@pytest.fixture
def stack(tmp_path: Path) -> Any:
    return FakeStack(tmp_path)


def test_run_process_starts_the_command_as_it_is_quoted(stack: Any) -> None:
    assert (
        answer(stack, "run_process", ["a", "/bin/x --y 'a b'", "", "", "A=1 B='2 3'"]) == Answer()
    )
    assert stack.log == [("run", "a", ["/bin/x", "--y", "a b"], {"A": "1", "B": "2 3"})]


def test_run_process_changes_user_and_group(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_requests.getpass, "getuser", lambda: "me")
    monkeypatch.setattr(service_requests.os, "geteuid", lambda: 0)
    answer(stack, "run_process", ["a", "/bin/x y", "kvm", "other"])
    monkeypatch.setattr(service_requests.os, "geteuid", lambda: 1000)
    answer(stack, "run_process", ["b", "/bin/x", "", "other"])
    answer(stack, "run_process", ["c", "/bin/x", "", "me"])
    assert [entry[2] for entry in stack.log] == [
        ["runuser", "-u", "other", "--", "sg", "kvm", "-c", "/bin/x y"],
        ["sudo", "-n", "-u", "other", "--", "/bin/x"],
        ["/bin/x"],
    ]


def test_service_is_another_if_its_configuration_has_changed(stack: Any, tmp_path: Path) -> None:
    for name in ("a.ini", "a.conf", "a.log"):
        (tmp_path / name).write_text("one")
    by_group = ["a", f"/bin/x --config-file={tmp_path}/a.conf --ini {tmp_path}/a.ini", "kvm"]
    for command in (
        by_group,
        ["a", f"/bin/x {tmp_path}/a.log /missing.conf /etc/ssl/private/x.conf"],
    ):
        answer(stack, "run_process", command)
    for name in ("a.ini", "a.conf"):
        answer(stack, "run_process", by_group)
        (tmp_path / name).write_text("two")
    answer(stack, "run_process", by_group)
    first, none, again, with_ini, with_both = stack.codes
    assert (again, none) == (first, "")
    assert len({first, with_ini, with_both}) == 3


def test_configuration_that_is_no_file_is_passed_over(stack: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.conf")
    write_unit = {"command": f"/bin/x {tmp_path}/a.conf '/b\0.conf'"}
    (tmp_path / "units").mkdir(mode=0o700)
    (tmp_path / "units" / "a.json").write_text(json.dumps(write_unit))
    assert answer(stack, "start_process", ["a"]) == Answer()
    assert stack.codes == [""]


def test_service_is_another_if_a_database_is_new(stack: Any) -> None:
    for _ in range(2):
        for _ in range(2):
            answer(stack, "run_process", ["a", "/bin/x"])
        assert answer(stack, "database_recreated", []) == Answer()
    answer(stack, "run_process", ["a", "/bin/x"])
    first, same, second, again, third = stack.codes
    assert (first, second) == (same, again)
    assert len({first, second, third}) == 3


@pytest.mark.parametrize(
    "unit",
    [
        '{"command": "x", "environment": "A=\'"}',
        '{"command": 1}',
        "[]",
        '{"command": "x", "group": 1}',
        "[" * 100_000,
    ],
)
def test_description_that_cannot_be_understood_is_an_error(stack: Any, unit: str) -> None:
    answer(stack, "write_unit", ["a", "/bin/x"])
    (stack.dest / "units" / "a.json").write_text(unit)
    assert answer(stack, "start_process", ["a"]).err.startswith(
        "start_process: a: cannot understand its command: "
    )
    assert stack.log == []


def test_a_service_starts_again_by_its_name(stack: Any) -> None:
    answer(stack, "write_unit", ["a", "/bin/x"])
    assert answer(stack, "restart_process", ["a"]) == Answer()
    assert answer(stack, "stop_process", ["a"]) == Answer()
    assert stack.log == [("stop", "a"), ("run", "a", ["/bin/x"], {}), ("stop", "a")]
    file = stack.dest / "units" / "a.json"
    assert json.loads(file.read_text())["command"] == "/bin/x"
    assert file.stat().st_mode & 0o777 == 0o600


def test_foreign_service_restarts_unchanged(stack: Any) -> None:
    assert answer(stack, "restart_process", ["keystone"]) == Answer()
    assert stack.log == [("stop", "keystone"), ("again", "keystone")]


def test_numbered_services_are_meant_by_their_common_name(stack: Any) -> None:
    stack.names = ["n-cpu-1", "n-cpu-2", "n-cond-cell1", "n-api", "n-api-meta"]
    answer(stack, "restart_process", ["n-cpu"])
    answer(stack, "start_process", ["n-cond"])
    answer(stack, "stop_process", ["n-api"])
    assert stack.log == [
        ("stop", "n-cpu-1", "n-cpu-2"),
        *[("again", name) for name in ("n-cpu-1", "n-cpu-2", "n-cond-cell1")],
        ("stop", "n-api"),
    ]
