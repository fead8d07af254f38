"""XML-RPC over a Unix socket, with a time limit.

supervisor's own transport has no time limit, so a supervisord that was stopped would hang a run,
and it takes twice as long to import.
"""

import errno
import http.client
import os
import socket
import struct
import xmlrpc.client
from typing import Any


def call_unix(path: str, method: str, *arguments: Any, timeout: float) -> Any:
    """Call `method` of the server at the socket `path`; wait `timeout` seconds for an answer.

    Raises OSError or http.client.HTTPException if there is no answer, PermissionError without
    sending anything if another user listens there, and xmlrpc.client.Fault if the server refuses.
    """
    transport = _Transport(path, timeout)
    with xmlrpc.client.ServerProxy("http://localhost", transport) as server:
        return getattr(server, method)(*arguments)


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        connection = _Connection(self._path, self._timeout)
        self._connection = host, connection  # the base class closes it
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
            self._refuse_another_user()
        except BaseException:
            self.close()
            raise

    def _refuse_another_user(self) -> None:
        _, user, _ = struct.unpack(
            "3i", self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
        if user not in {0, os.geteuid()}:
            raise PermissionError(errno.EPERM, "Another user listens there", self._path)
