"""Requests of bash find their handlers; what bash sees of a failure."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from doitstack.bash import keystone_requests
from doitstack.bash.request_handlers import VERBS, Answer, answer
from doitstack.config.changes_in_place import CHANGES
from tests.unit.bash.fake_stack import FakeStack


@pytest.fixture
def stack(tmp_path: Path) -> Any:
    return FakeStack(tmp_path)


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("start_process", ["none"], "none was never started; call run_process none COMMAND"),
        ("run_process", ["a", "/bin/x 'y"], "a: cannot understand its command: No closing"),
        ("run_process", ["../a", "/bin/x"], "'../a' cannot name a service"),
        ("run_process", ["a", "/bin/false"], "a does not stay up"),
        ("run_process", ["a"], "called with 1 arguments: missing a required argument: 'command'"),
        ("nothing", [], "no such request; there are changes, check_deaths, database_recreated,"),
        ("get_or_create_role", ["r"], "clouds.yaml does not exist; enable the service key"),
    ],
)
def test_error_is_one_line(stack: Any, verb: str, arguments: list[str], said: str) -> None:
    given = answer(stack, verb, arguments)
    assert (given.code, given.out) == (1, "")
    assert given.err.startswith(f"{verb}: ")
    assert said in given.err
    assert given.err.count("\n") == 1


def test_file_that_is_about_to_change_is_announced(stack: Any) -> None:
    assert answer(stack, "changes", ["/etc/a"]) == Answer(0, "", "")
    assert '"/etc/a"' in (stack.dest / CHANGES).read_text()
    stack.dest = stack.dest / CHANGES  # nothing can be written there
    given = answer(stack, "changes", ["/etc/b"])
    assert given.code == 1
    assert given.err.startswith("changes: /etc/b is not changed: ")


def test_small_requests(stack: Any) -> None:
    assert answer(stack, "service_check", []) == Answer(0, "a RUNNING\n", "")
    assert answer(stack, "say", ["text"]) == Answer()
    assert answer(stack, "warn", ["more"]) == Answer()
    assert stack.log == [("say", "text"), ("warn", "more")]


def test_a_mistake_of_ours_is_not_hidden(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_it(stack: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(keystone_requests, "_identity", break_it)
    with pytest.raises(ZeroDivisionError):
        answer(stack, "get_or_create_role", ["r"])


def test_library_uses_all_requests_but_those_of_scripts() -> None:
    library = Path(keystone_requests.__file__).with_name("library")
    asked = set()
    for line in "".join(file.read_text() for file in library.glob("*.sh")).splitlines():
        words = line.replace(";", " ").split()
        for before, word in pairwise(words):
            if before in {"doitstack_request", "_identity"} and word[0].isalpha():
                asked.add(word)
    assert asked <= set(VERBS) | {"VERB"}
    assert set(VERBS) - asked == {
        "say",  # session.sh's echo_summary
        "start_process",
        "reload-or-restart_process",
    }
