"""Messages between bash and the main process, as bytes and as errors."""

import pytest

from doitstack.bash.protocol import (
    Answer,
    MessageBuffer,
    decode_variables,
    encode_answer,
    encode_command,
    session_error,
)
from doitstack.errors import CommandError, StepError


def test_messages_are_whole_however_they_arrive() -> None:
    sent = [["done"], ["time", "pip", "12"], ["request", "", "say", "two\nlines", ""], ["\udcff"]]
    data = b"".join(
        b"".join(field.encode(errors="surrogateescape") + b"\0" for field in (str(len(one)), *one))
        for one in sent
    )
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
    assert decode_variables(b"A\0one\ntwo\0B\0\0") == {"A": "one\ntwo", "B": ""}
    assert decode_variables(b"") == {}


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
        ("ended", ["4", "a.sh:7", ""],
         CommandError("a.sh:7: bash has ended with code 4: what it says above, or an `exit` in its "
                      "POSIX mode", 4)),
    ],
)  # fmt: skip
def test_end_of_the_session_is_an_error(kind: str, fields: list[str], error: StepError) -> None:
    found = session_error(kind, fields)
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert getattr(found, "code", None) == getattr(error, "code", None)


def test_other_messages_do_not_end_the_session() -> None:
    assert session_error("done", []) is None
