"""Messages between bash and the main process, as bytes and as errors."""

import pytest

from doitstack.bash.protocol import (
    Answer,
    MessageBuffer,
    decode_variables,
    encode_answer,
    encode_command,
    ended_without_message,
    session_error,
)
from doitstack.errors import CommandError, StepError


def _message(fields: list[str]) -> bytes:
    """Return a message as session.sh sends it."""
    escaped = (field.replace("\\", "\\\\").replace("\n", "\\n") for field in fields)
    text = "".join(f"{field}\0" for field in (f"doitstack {len(fields)}", *escaped))
    return text.encode(errors="surrogateescape")


@pytest.mark.parametrize(
    "data",
    [
        *(b"rubbish\0", b"rubbish\ndoitstack 1\0done\0", b"1\0done\0", b"doitstack 0\0\0"),
        *(b"doitstack 1\0what\0", b"doitstack 2\0done\0x\0", b"doitstack 1\0time\0"),
        *(b"doitstack 3\0time\0pip\0" + b"9" * 19 + b"\0", b"doitstack 2\0async_ended\0f\0"),
        *(b"doitstack 3\0time\0pip\0x\0", b"doitstack 2\0async_started\0f\0", b"\0\xff\0"),
    ],
)
def test_what_the_session_has_not_sent_is_an_error_after_what_it_has(data: bytes) -> None:
    got = []
    with pytest.raises(StepError, match="other than the session wrote to its pipes"):
        got.extend(MessageBuffer().take(_message(["time", "pip", "1"]) + data))
    assert got == [["time", "pip", "1"]]


@pytest.mark.parametrize("command", ["set -n", "true; set -o noexec", "if x; then set -eun; fi"])
def test_command_that_switches_execution_off_is_refused(command: str) -> None:
    with pytest.raises(StepError, match="set -n: bash would execute nothing more"):
        encode_command(command)


@pytest.mark.parametrize("command", ["set -- -n", "set -o nounset", "echo set -n", "set -e; x -n"])
def test_other_commands_are_taken(command: str) -> None:
    assert encode_command(command)


def test_messages_are_whole_however_they_arrive() -> None:
    sent = [["done"], ["time", "pip", "12"], ["request", "", "say", "two\nlines \\n", "\udcff"]]
    data = b"".join(map(_message, sent))
    for size in (1, 2, 7, len(data)):
        buffer = MessageBuffer()
        pieces = [data[start : start + size] for start in range(0, len(data), size)]
        assert [message for piece in pieces for message in buffer.take(piece)] == sent


def test_commands_and_answers_end_in_nul() -> None:
    assert encode_command("echo 'ü'\necho \udcff") == "echo 'ü'\necho ".encode() + b"\xff\0"
    assert encode_answer(Answer()) == b"0\0\0\0"
    assert encode_answer(Answer(2, "out\n", "err")) == b"2\0out\n\0err\0"
    with pytest.raises(StepError, match=r"takes no command with a NUL in it: 'a.x00b'"):
        encode_command("a\0b")


def test_variables_are_pairs() -> None:
    dumped = b"A\0ARRAY\0B\0_async_pids\0_own\0LINENO\0\0a\0rx\0A\0\0i\0one\ntwo\0x\0\0y\0z\0007\0"
    assert decode_variables(dumped) == {"A": "one\ntwo", "B": "", "_own": "z"}
    assert decode_variables(b"") == {}
    with pytest.raises(StepError, match="something other than the session wrote to its pipes: 'A"):
        decode_variables(b"A\0B\0")


@pytest.mark.parametrize(
    ("kind", "fields", "error"),
    [
        ("failed", ["3", "a.sh:7", "false x", "main"],
         CommandError("a.sh:7: 'false x' ended with code 3 (in main)", 3, "false x")),
        ("failed", ["1", "", "", ""],
         CommandError("its last command, or `return`, ended with code 1", 1)),
        ("exited", ["2", "a.sh:7", "no disk", ""], CommandError("a.sh:7: no disk", 2)),
        ("exited", ["2", "a.sh:7", "", "f"],
         StepError("a.sh:7: exit 2 in a script (in f); use `return`, or `die` with a message")),
        ("exited", ["3", "", "", ""],
         StepError("exit 3 in a command; use `die` with a message")),
        ("ended", ["4", "a.sh:7", ""],
         CommandError("a.sh:7: bash has ended with code 4: see its message above, or remove an "
                      "`exit` in POSIX mode", 4)),
    ],
)  # fmt: skip
def test_end_of_the_session_is_an_error(kind: str, fields: list[str], error: StepError) -> None:
    found = session_error(kind, fields)
    assert found
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.has_place == ("a.sh:7" in fields)
    assert getattr(found, "code", None) == getattr(error, "code", None)


def test_other_messages_do_not_end_the_session() -> None:
    assert session_error("done", []) is None


def test_session_that_could_start_no_process_says_so() -> None:
    ended = session_error("ended", ["254", "f.sh:1", ""])
    for error in (ended, ended_without_message(254)):
        assert "as it could not start a process; check memory and processes" in str(error)


def test_command_that_was_not_found_may_mean_a_function() -> None:
    error = session_error("failed", ["127", "f.sh:1", "iniste f s o v", ""])
    assert str(error) == "f.sh:1: 'iniste f s o v' ended with code 127; did you mean iniset?"
    assert "mean" not in str(session_error("failed", ["1", "f.sh:1", "iniste", ""]))
    assert "mean" not in str(session_error("failed", ["127", "f.sh:1", "nosuchcommand", ""]))
    assert "mean" not in str(session_error("failed", ["127", "f.sh:1", "async_wait f", ""]))
