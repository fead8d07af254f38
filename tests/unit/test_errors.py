"""Errors come back whole from other processes, and every exception has a message."""

import pickle

import pytest

from doitstack.errors import (
    CommandError,
    DoitstackError,
    FutureError,
    PluginError,
    describe_error,
    shortage,
)


@pytest.mark.parametrize(
    "error",
    [
        DoitstackError("x"),
        PluginError("demo", "broken"),
        CommandError("make ended with code 2", 2),
        FutureError("build", "failed", code=3),
    ],
)
def test_error_survives_pickling(error: DoitstackError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise ValueError


def test_every_exception_has_a_message() -> None:
    assert describe_error(ValueError("  no \n")) == "ValueError: no"
    assert describe_error(KeyboardInterrupt()) == "KeyboardInterrupt"
    assert describe_error(SpeechlessError()) == "SpeechlessError: <exception str() failed>"


def test_module_that_cannot_be_opened_is_a_shortage() -> None:
    library = "/lib/pyexpat.so: cannot open shared object file: Too many open files"
    assert shortage(ImportError(library)) == "open files (`ulimit -n`)"
    assert shortage(ImportError("No module named 'x'")) == ""
