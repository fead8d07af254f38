"""The lines of a stream that arrives in pieces."""


class LineBuffer:
    """Keeps the beginning of a line until the rest of it has come."""

    def __init__(self) -> None:
        self._rest = b""

    def lines(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes, without their ends."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines
