"""Lines of a stream that arrives in pieces."""

from doitstack.processes.line_buffer import LineBuffer


def test_lines_are_complete_however_they_arrive() -> None:
    buffer = LineBuffer()
    pieces = [b"", b"on", b"e", b"\n", b"two\n\nthr", b"ee\r\nfour"]
    assert [buffer.lines(piece) for piece in pieces] == [
        [],
        [],
        [],
        [b"one"],
        [b"two", b""],
        [b"three\r"],
    ]
    assert buffer.lines(b"\n") == [b"four"]
