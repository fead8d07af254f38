"""The main line's log, and what of it is shown."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.config.masking import Mask, mask_file
from doitstack.console.main_log import CHUNK, MainLog, append_line
from doitstack.console.screens import PlainScreen


@pytest.fixture
def console(tmp_path: Path) -> Path:
    """Where the log is shown."""
    return tmp_path / "console"


@pytest.fixture
def log(tmp_path: Path, console: Path) -> Iterator[MainLog]:
    """A log that has been used before."""
    (tmp_path / "stack.log").write_text("of an earlier run\n")
    descriptor = os.open(console, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    made = MainLog(tmp_path / "stack.log")
    made.show_on(PlainScreen(descriptor))
    os.close(descriptor)
    yield made
    made.close()


def test_lines_are_kept_and_shown(log: MainLog, console: Path) -> None:
    log.write("one\n")
    append_line(log.path, "two\n")
    log.show()
    assert log.path.read_text() == "of an earlier run\none\ntwo\n"
    assert console.read_text() == "one\ntwo\n"


def test_lines_that_are_added_are_shown_with_the_next_ones(
    log: MainLog, console: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_text("two\n")
    log.add("one\n")
    log.insert(tmp_path / "a.log")
    assert log.path.read_text() == "of an earlier run\none\ntwo\n"
    assert console.read_text() == ""
    log.write("three\n")
    assert console.read_text() == "one\ntwo\nthree\n"


def test_lines_begin_below_a_line_that_a_program_has_not_ended(
    log: MainLog, console: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_text("inserted\n")
    for add in (
        lambda: log.write("written\n"),
        lambda: append_line(log.path, "appended\n"),
        lambda: log.insert(tmp_path / "a.log"),
    ):
        os.write(log.descriptor, b"begun")
        add()
    log.show()
    assert console.read_text() == "begun\nwritten\nbegun\nappended\nbegun\ninserted\n"


def test_inserted_log_is_whole(log: MainLog, console: Path, tmp_path: Path) -> None:
    text = "".join(f"line {number}\n" for number in range(300_000))
    assert len(text) > 3 * CHUNK
    (tmp_path / "a.log").write_text(text)
    log.insert(tmp_path / "a.log")
    log.show()
    assert console.read_text() == text


def test_inserted_log_has_its_place(log: MainLog, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo")
    log.write("before\n")
    start, end = log.insert(tmp_path / "a.log")
    log.write("after\n")
    assert log.path.read_bytes()[start:end] == b"one\ntwo\n"
    assert log.insert(tmp_path / "missing.log") == (log.size, log.size)


@pytest.mark.parametrize(("text", "shown"), [("end", "end\n"), ("end\n", "end\n"), ("", "")])
def test_inserted_log_ends_its_last_line(
    log: MainLog, console: Path, tmp_path: Path, text: str, shown: str
) -> None:
    (tmp_path / "a.log").write_text(text)
    log.insert(tmp_path / "a.log")
    log.insert(tmp_path / "missing.log")
    log.write("next\n")
    assert console.read_text() == f"{shown}next\n"


def test_bytes_that_are_no_text_pass_as_they_are(
    log: MainLog, console: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.log").write_bytes(b"\xff\x00\xfe\n")
    log.insert(tmp_path / "a.log")
    log.write(os.fsdecode(b"\xff\n"))
    assert console.read_bytes() == b"\xff\x00\xfe\n\xff\n"


def test_tick_that_takes_longer_than_the_time_to_the_next_is_not_interrupted_by_it(
    log: MainLog,
) -> None:
    running, ended, most = 0, 0, 0

    def tick() -> None:
        nonlocal running, ended, most
        running += 1
        most = max(most, running)
        if running < 5:
            time.sleep(0.4)
        running -= 1
        ended += 1

    log.on_tick = tick
    with log.capture():
        while ended < 2:
            time.sleep(0.01)
    assert most == 1


def test_capture_takes_what_is_printed_and_what_programs_write(
    log: MainLog, console: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sys.stdout.write("before\n")
    with log.capture():
        sys.stdout.write("printed\n")
        subprocess.run(["echo", "of a program"], check=True)
        subprocess.run(["sh", "-c", "echo an error >&2"], check=True)
        log.write("said\n")
    sys.stdout.write("after\n")
    assert console.read_text() == "printed\nof a program\nan error\nsaid\n"
    assert capfd.readouterr().out == "before\nafter\n"


def test_capture_ends_with_an_exception(
    log: MainLog, console: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        with log.capture():
            sys.stdout.write("printed\n")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    sys.stdout.write("after\n")
    assert console.read_text() == "printed\n"
    assert capfd.readouterr().out == "after\n"


def test_show_that_is_entered_again_shows_nothing_twice(tmp_path: Path) -> None:
    read, write = os.pipe()
    log = MainLog(tmp_path / "stack.log")
    log.show_on(PlainScreen(write))
    log.on_silence = lambda: "never"
    with log.capture():
        for number in range(2000):
            log.write(f"line {number}\n")
            log.show()
            os.read(read, 100)
    os.close(write)
    log.close()
    os.close(read)
    assert log.path.read_text() == "".join(f"line {number}\n" for number in range(2000))


def test_reader_that_has_gone_is_no_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    log = MainLog(tmp_path / "stack.log")
    log.show_on(PlainScreen(write))
    os.close(write)
    os.close(read)
    log.write("one\n")
    log.write("two\n")
    log.close()
    assert log.path.read_text() == "one\ntwo\n"


def test_log_is_private(log: MainLog, tmp_path: Path) -> None:
    fresh = MainLog(tmp_path / "fresh.log")
    fresh.write("x\n")
    fresh.close()
    assert oct((tmp_path / "fresh.log").stat().st_mode) == "0o100600"


class CountingMask(Mask):
    """A mask that counts the bytes that it looks at."""

    seen = 0

    def data(self, data: bytes) -> bytes:
        self.seen += len(data)
        return super().data(data)


@pytest.fixture
def mask() -> CountingMask:
    return CountingMask(["s3cret-word"])


@pytest.fixture
def masking_log(tmp_path: Path, console: Path, mask: Mask) -> Iterator[MainLog]:
    descriptor = os.open(console, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    made = MainLog(tmp_path / "stack.log", lambda: mask)
    made.show_on(PlainScreen(descriptor))
    os.close(descriptor)
    yield made
    made.close()


LONG = b"a line without any secret\n" * (3 * CHUNK // 26)


def test_log_that_is_masked_is_not_masked_again(
    masking_log: MainLog, mask: CountingMask, console: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"has s3cret-word\n" + LONG)
    masked = mask_file(path, mask)
    looked_at = mask.seen
    masking_log.insert(path, masked)
    assert mask.seen == looked_at
    assert console.read_bytes() == b"has ***********\n" + LONG == masking_log.path.read_bytes()


@pytest.mark.parametrize(
    "text", [b"has s3cret-word\n", b"has s3cret-word", LONG + b"s3cret-word\n"]
)
def test_text_is_masked_that_was_written_since(
    masking_log: MainLog, mask: CountingMask, console: Path, tmp_path: Path, text: bytes
) -> None:
    path = tmp_path / "a.log"
    for masked_part in (b"", b"before\n", b"the beginning of s3cret-"):
        path.write_bytes(masked_part)
        masked = mask_file(path, mask)
        with path.open("ab") as file:
            file.write(b"word\n" + text if masked_part.endswith(b"-") else text)
        masking_log.insert(path, masked)
    masking_log.show(is_end=True)
    assert b"cret-word" not in console.read_bytes()
    assert b"cret-word" not in masking_log.path.read_bytes()


def test_log_is_masked_by_secrets_that_are_new(
    masking_log: MainLog, console: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"has s3cret-word\n")
    masking_log.insert(path, mask_file(path, Mask()))
    masking_log.show()
    assert console.read_bytes() == b"has ***********\n"


def test_what_others_write_into_an_inserted_log_is_masked(
    masking_log: MainLog, mask: CountingMask, console: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LONG)
    masked = mask_file(path, mask)

    class Busy(PlainScreen):
        def show(self, data: bytes) -> None:
            super().show(data)
            if b"other" not in data and b"***" not in data:
                with masking_log.path.open("ab") as file:
                    file.write(b"other s3cret-word\n")

    masking_log.show_on(Busy(os.open(console, os.O_WRONLY | os.O_APPEND)))
    masking_log.insert(path, masked)
    masking_log.show(is_end=True)
    for shown in (console.read_bytes(), masking_log.path.read_bytes()):
        assert b"s3cret-word" not in shown
        assert b"other ***********" in shown


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/full", "/dev/null"])
def test_log_that_is_a_device_is_not_read(tmp_path: Path, console: Path, device: str) -> None:
    (tmp_path / "stack.log").symlink_to(device)
    descriptor = os.open(console, os.O_CREAT | os.O_WRONLY)
    made = MainLog(tmp_path / "stack.log")
    made.show_on(PlainScreen(descriptor))
    made.write("line\n")
    made.close()
    os.close(descriptor)
    assert console.read_text() == ("line\n" if device == "/dev/full" else "")
