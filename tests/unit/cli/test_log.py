"""`doit log`."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Doit


@pytest.fixture(autouse=True)
def main_log(top: Path) -> Path:
    path = top / ".stack" / "logs" / "stack.log"
    path.parent.mkdir(parents=True)
    path.write_text("one\ntwo\nthree\n")
    return path


def test_log_is_printed_as_it_is(doit: Doit) -> None:
    assert doit("log", "stack")[:2] == (0, "one\ntwo\nthree\n")


@pytest.mark.parametrize("words", [("--lines=1", "stack"), ("stack", "--lines=1")])
def test_options_may_come_before_and_after_the_name(doit: Doit, words: tuple[str, ...]) -> None:
    assert doit("log", *words)[:2] == (0, "three\n")


def test_following_ends_if_no_run_goes_on(doit: Doit) -> None:
    assert doit("log", "-f", "stack")[:2] == (0, "one\ntwo\nthree\n")


def test_logs_are_listed(doit: Doit, main_log: Path) -> None:
    code, out, _ = doit("log")
    assert code == 0
    assert out.splitlines()[-1].split() == ["stack", "main", "line", ".stack/logs/stack.log"]
    (log,) = json.loads(doit("log", "--json")[1])
    assert log == {"log": "stack", "of": "main line", "file": str(main_log)}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a", "b"), "log takes one NAME: a b"),
        (("stack", "--lines=-1"), "log: --lines takes a whole number, 0 or more"),
        (("nobody",), "nobody"),
    ],
)
def test_mistakes_are_exit_code_3(doit: Doit, words: tuple[str, ...], message: str) -> None:
    code, out, err = doit("log", *words)
    assert code == 3
    assert message in out + err
