"""The server's own modules are none of the program's."""

import importlib
import sys
from collections.abc import Iterator

import pytest

import fork_server.protocol
from fork_server.server import start


@pytest.fixture
def package() -> Iterator[str]:
    start._make_package()
    yield start.PACKAGE
    for name in [name for name in sys.modules if name.partition(".")[0] == start.PACKAGE]:
        del sys.modules[name]


def test_modules_are_loaded_under_another_name(package: str) -> None:
    protocol = importlib.import_module(f"{package}.protocol")
    assert protocol is not fork_server.protocol
    assert protocol.__file__ == fork_server.protocol.__file__
