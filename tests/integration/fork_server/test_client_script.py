"""The script that is called in a program's place: what it needs, and where it may lie."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fork_server
from tests.served_tool import Tool, plain_environment


def test_it_needs_nothing_of_the_package_that_wrote_it(tmp_path: Path) -> None:
    package = shutil.copytree(Path(fork_server.__file__).parent, tmp_path / "lib" / "fork_server")
    tool = Tool(tmp_path / "stack")
    write = (
        "import fork_server, fork_server.options, sys; from pathlib import Path;"
        "options = fork_server.options.read_options(sys.argv[1]);"
        "fork_server.install_client(options, Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-S", "-c", write, tool.options.dump(), tool.client],
        env=plain_environment(PYTHONPATH=str(package.parent)),
        check=True,
    )
    shutil.rmtree(package)
    try:
        tool.start()
        assert tool.is_served()
    finally:
        tool.stop()


def test_without_its_code_it_runs_the_program(tool: Tool) -> None:
    (code,) = Path(tool.options.directory).glob("client-*")
    shutil.rmtree(code)
    assert tool.run("served").stdout == b"False\n"
    assert tool.run("exit", "3").returncode == 3


@pytest.mark.parametrize("name", ["client.py", "protocol.py", "__init__.py"])
def test_with_damaged_code_it_runs_the_program(tool: Tool, name: str) -> None:
    """As a crash of the machine may leave it: each call failed with a SyntaxError."""
    (code,) = Path(tool.options.directory).glob("client-*")
    file = code / "fork_server" / name
    whole = file.read_bytes()
    file.write_bytes(bytes(len(whole) + 1))
    assert tool.run("served").stdout == b"False\n"
    fork_server.install_client(tool.options, Path(tool.client))
    assert file.read_bytes() == whole
    assert tool.is_served()
