"""A log that grows, byte for byte."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from doitstack.cli import follow_file
from doitstack.cli.follow_file import Follower


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


@pytest.fixture
def follow(log: Path) -> Iterator[Callable[..., Follower]]:
    """Return a maker of followers of `log`."""
    with ExitStack() as cleanup:
        yield lambda lines=None: cleanup.enter_context(Follower(log, lines))


def read_new(follower: Follower) -> bytes:
    return b"".join(follower.read_new())


def test_existing_lines_come_first_and_then_new_ones(
    log: Path, follow: Callable[..., Follower]
) -> None:
    log.write_bytes(b"\xff\x00 no UTF-8\r\n")
    follower = follow()

    assert read_new(follower) == b"\xff\x00 no UTF-8\r\n"
    assert read_new(follower) == b""
    with log.open("ab") as file:
        file.write(b"half a l")
    assert read_new(follower) == b"half a l"


def test_log_that_is_cut_short_is_read_from_its_start(
    log: Path, follow: Callable[..., Follower]
) -> None:
    log.write_bytes(b"the first run\n")
    follower = follow()
    assert read_new(follower) == b"the first run\n"

    log.write_bytes(b"again\n")

    assert read_new(follower) == b"again\n"


def test_rest_of_a_log_comes_before_the_one_that_has_its_name_now(
    log: Path, follow: Callable[..., Follower]
) -> None:
    log.write_bytes(b"old ")
    follower = follow()
    assert read_new(follower) == b"old "

    with log.open("ab") as file:
        file.write(b"rest\n")
    log.rename(log.with_suffix(".1"))
    assert read_new(follower) == b"rest\n"
    log.write_bytes(b"new\n")

    assert read_new(follower) == b"new\n"


def test_log_may_come_later(log: Path, follow: Callable[..., Follower]) -> None:
    follower = follow(lines=1)
    assert read_new(follower) == b""
    log.write_bytes(b"one\ntwo\n")
    assert read_new(follower) == b"one\ntwo\n"


@pytest.mark.parametrize("chunk", [1, 2, 5, 1 << 20])
@pytest.mark.parametrize(
    ("text", "lines", "last"),
    [
        (b"one\ntwo\nthree\n", 2, b"two\nthree\n"),
        (b"one\ntwo\nthree", 2, b"two\nthree"),
        (b"one\n\n\n", 2, b"\n\n"),
        (b"one\n", 5, b"one\n"),
        (b"one\ntwo\n", 2, b"one\ntwo\n"),
        (b"\none\n", 2, b"\none\n"),
        (b"", 5, b""),
        (b"one\n", 0, b""),
    ],
)
def test_last_lines(
    log: Path,
    follow: Callable[..., Follower],
    monkeypatch: pytest.MonkeyPatch,
    chunk: int,
    text: bytes,
    lines: int,
    last: bytes,
) -> None:
    monkeypatch.setattr(follow_file, "CHUNK", chunk)
    log.write_bytes(text)
    assert read_new(follow(lines)) == last


def test_last_lines_are_read_after_the_end(
    log: Path, follow: Callable[..., Follower], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow_file, "POLL_SECONDS", 0)

    def steps() -> Iterator[bool]:
        yield False
        log.write_bytes(b"start\n")
        yield False
        with log.open("ab") as file:
            file.write(b"last words\n")
        yield True

    is_over: Callable[[], bool] = steps().__next__
    assert list(follow().follow(is_over)) == [b"start\n", b"last words\n"]
