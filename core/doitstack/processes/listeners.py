"""The TCP ports of this machine on which processes listen."""

from collections.abc import Iterator


def listeners() -> Iterator[tuple[int, int | None]]:
    """Yield each port that a process listens on, and its pid: None if it is another user's."""
    import psutil  # noqa: PLC0415 - not for every `doit list`

    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr:
            yield connection.laddr.port, connection.pid
