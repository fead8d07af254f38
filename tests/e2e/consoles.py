"""A client of websockets, for the consoles of guests.

python -m tests.e2e.consoles URL TEXT waits until the console at URL has sent TEXT.
"""

import base64
import os
import socket
import sys
import time
from urllib.parse import parse_qs, urlsplit

BINARY, MASKED = 0x82, 0x80


class Console:
    """A connection to a console, by the address that the cloud gives to users."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        query = parse_qs(place.query)
        # noVNC's page gets the path of the websocket, with the token in it.
        [token] = query.get("token") or parse_qs(urlsplit(query["path"][0]).query)["token"]
        assert place.hostname
        self._socket = socket.create_connection((place.hostname, place.port or 80), 30)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET /?token={token} HTTP/1.1",
            f"Host: {place.netloc}",
            f"Origin: http://{place.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: binary",
        )
        self._socket.sendall("\r\n".join((*lines, "", "")).encode())
        self.text = b""

    def send(self, text: str) -> None:
        """Type text; it has fewer than 126 bytes."""
        self._socket.sendall(bytes((BINARY, MASKED | len(text), 0, 0, 0, 0)) + text.encode())

    def wait_for(self, text: bytes, seconds: float = 60) -> None:
        """Wait until the console has sent `text`, typing line ends meanwhile."""
        deadline = time.monotonic() + seconds
        self._socket.settimeout(1)
        while text not in self.text:
            assert time.monotonic() < deadline, self.text[-400:]
            try:
                self.text += self._socket.recv(4096)
            except TimeoutError:
                self.send("\n")

    def close(self) -> None:
        self._socket.close()


if __name__ == "__main__":
    console = Console(sys.argv[1])
    console.wait_for(sys.argv[2].encode())
    console.close()
