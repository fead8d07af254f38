"""A call by the server is as a call of the program itself."""

import socket

import pytest

from fork_server import client, protocol


@pytest.mark.parametrize(("is_busy", "periods"), [(False, 1), (True, 41)])
def test_only_a_server_that_lacks_a_processor_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, is_busy: bool, periods: int
) -> None:
    waits: list[float] = []

    class Silence:
        def register(self, connection: socket.socket, events: int) -> None:
            pass

        def poll(self, milliseconds: float) -> list[int]:
            waits.append(milliseconds)
            return []

    monkeypatch.setattr(client.select, "poll", Silence)
    monkeypatch.setattr(client, "_is_busy", lambda pid: is_busy)
    mine, server = socket.socketpair()
    with mine, server, pytest.raises(client.NotServedError):
        client._expect(mine, protocol.GREETING)
    assert [wait for wait in waits if wait] == [protocol.PATIENCE * 1000] * periods


def test_answer_that_comes_while_the_client_looks_at_the_server_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mine, server = socket.socketpair()

    def answers(_pid: int) -> bool:
        server.send(protocol.GREETING)
        return False

    monkeypatch.setattr(client, "PATIENCE", 0.001)
    monkeypatch.setattr(client, "_is_busy", answers)
    with mine, server:
        client._expect(mine, protocol.GREETING)
