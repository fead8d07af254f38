"""The messages of client and server, and the directory in which they meet."""

import os
import socket
from pathlib import Path

import pytest

from fork_server.protocol import decode, encode, open_directory, peer, socket_path


def test_a_request_is_decoded_as_it_was_encoded() -> None:
    parts = [b"3", b"", b"a\0\n b\xff"]
    assert decode(encode("stamp", parts)) == ("stamp", parts)


@pytest.mark.parametrize("data", [b"", b"stamp x\n", b"\xff\n"])
def test_what_is_no_request_is_an_error_or_has_no_parts(data: bytes) -> None:
    try:
        assert decode(data)[1] == []
    except ValueError:
        assert data


def test_only_a_directory_of_the_user_alone_is_opened(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    os.close(open_directory(str(tmp_path)))
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(NotADirectoryError):
        open_directory(str(tmp_path / "link"))
    tmp_path.chmod(0o750)
    with pytest.raises(PermissionError, match="mode 0700"):
        open_directory(str(tmp_path))


def test_a_socket_below_a_long_path_has_a_short_one(tmp_path: Path) -> None:
    long = tmp_path / ("a" * 90) / ("b" * 90)
    long.mkdir(parents=True, mode=0o700)
    directory = open_directory(str(long))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(socket_path(directory, "tool"))
    os.close(directory)
    assert (long / "tool.sock").is_socket()


def test_peer_is_the_process_and_user_at_the_other_end() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer(ours) == (os.getpid(), os.geteuid())
