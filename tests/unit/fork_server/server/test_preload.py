"""What importing writes to stderr is kept, and which modules a package has."""

import os

import pytest

from fork_server.server.preload import _captured_stderr, _import_all, _modules_of


def test_stderr_is_captured_and_written(capfd: pytest.CaptureFixture[str]) -> None:
    with _captured_stderr() as captured:
        os.write(2, "ü deprecated\n".encode())
    os.write(2, b"later\n")
    assert captured.decode() == "ü deprecated\n"
    assert capfd.readouterr().err == "ü deprecated\nlater\n"


def test_modules_of_a_package_are_those_directly_in_it() -> None:
    found = _modules_of("fork_server")
    assert {"fork_server.client", "fork_server.server"} <= {*found}
    assert "fork_server.__main__" not in found
    assert "fork_server.server.preload" not in found
    assert _modules_of("nosuch") == []


def test_what_cannot_be_imported_is_passed_over() -> None:
    _import_all(["nosuch", "fork_server.options"])
