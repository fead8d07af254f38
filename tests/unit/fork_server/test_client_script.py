"""The script that is called in a program's place: what it needs, and where it may lie."""

import multiprocessing
import os
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import fork_server
from fork_server import client_script
from tests.served_tool import Tool


def test_it_is_written_once_and_replaces_a_link(unserved: Tool) -> None:
    path = Path(unserved.client)
    path.unlink()
    path.symlink_to(unserved.real)
    assert fork_server.install_client(unserved.options, path)
    assert not path.is_symlink()
    inode = path.stat().st_ino
    assert not fork_server.install_client(unserved.options, path)
    assert path.stat().st_ino == inode
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_several_processes_may_write_it_at_once(unserved: Tool) -> None:
    options = [unserved.options._replace(stamp=str(number)) for number in range(200)]
    install = partial(fork_server.install_client, path=Path(unserved.client))
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert any(pool.map(install, options, chunksize=1))


def test_its_interpreter_is_in_no_virtual_environment(unserved: Tool) -> None:
    line = Path(unserved.client).read_text().splitlines()[0]
    interpreter = line.removeprefix("#!").removesuffix(" -IS")
    probe = "import sys; print(sys.prefix == sys.base_prefix, sys.version)"
    done = subprocess.run(
        [interpreter, "-IS", "-c", probe], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"True {sys.version}\n"


def test_its_code_is_compiled_once(unserved: Tool, tmp_path: Path) -> None:
    fork_server.install_client(unserved.options, tmp_path / "another")
    (code,) = Path(unserved.options.directory).glob("client-*")
    compiled = sorted(path.name.partition(".")[0] for path in code.rglob("*.pyc"))
    assert compiled == ["__init__", "client", "protocol"]


@pytest.mark.parametrize("interpreter", ["/opt/my python/bin/python3", f"/{'a' * 120}/python3"])
def test_an_interpreter_that_no_first_line_can_name(
    interpreter: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_script, "_interpreter", lambda: interpreter)
    assert not fork_server.is_supported()


def test_a_directory_open_to_others_is_refused(unserved: Tool) -> None:
    unserved.socket.parent.chmod(0o770)
    with pytest.raises(PermissionError, match="mode 0700"):
        fork_server.install_client(unserved.options, Path(unserved.client))


def test_a_link_in_place_of_the_directory_is_not_followed(unserved: Tool, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(unserved.socket.parent)
    with pytest.raises(NotADirectoryError):
        fork_server.install_client(
            unserved.options._replace(directory=str(link)), Path(unserved.client)
        )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_users_directory_is_refused(unserved: Tool) -> None:
    os.chown(unserved.socket.parent, 65534, -1)
    with pytest.raises(PermissionError, match="must belong to the user"):
        fork_server.install_client(unserved.options, Path(unserved.client))


def test_the_stamp_distinguishes_programs() -> None:
    assert fork_server.stamp("a") != fork_server.stamp("b")
    assert fork_server.stamp("a") == fork_server.stamp("a")
