"""The server's own modules are none of the program's."""

import importlib
import sys
from collections.abc import Iterator

import pytest

import fork_server.protocol
from fork_server.server import start

from ..tool import Tool


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


def test_program_may_have_modules_of_the_same_names(unserved: Tool) -> None:
    for name in ("fork_server", "server", "protocol"):
        (unserved.bin / f"{name}.py").write_text("")
    unserved.start(preload=("fake_tool", "server"))
    mine = [unserved.run("imported", name).stdout for name in ("server", "fork_server", "protocol")]
    assert mine == [b"True\n", b"False\n", b"False\n"]
    assert unserved.is_served()
