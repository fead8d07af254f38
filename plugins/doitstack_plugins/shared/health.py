"""Wait until a service answers: a service is healthy if it answers correctly, not if it listens."""

import json
import os
import time
from collections.abc import Callable

from doitstack import Stack
from doitstack.config.addresses import socket_host
from doitstack.errors import ServiceError
from doitstack.processes.listeners import listening_user

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.05, 0.5, 1.3
"""Seconds between two requests; they grow, as many wait while the services need the CPU."""

_GOOD = (200, 300)
"""Some services answer with their versions as 200, some as 300."""

_FAILED = 500

Address = tuple[str, int]


def wait_until(
    stack: Stack, service: str, is_answering: Callable[[], bool], where: str = ""
) -> None:
    """Wait until `is_answering` returns true; `where` is the address, for the message.

    Raises ServiceError after SERVICE_TIMEOUT s, and at once if the service is dead or another one
    has died since the run began, as this one may be waiting for it.
    """
    timeout = stack.settings.number("SERVICE_TIMEOUT")
    with stack.timed("wait_for_service"):
        deadline, pause = time.monotonic() + timeout, _FIRST_PAUSE
        while not is_answering():
            dead = stack.dead_services(service)
            if dead:
                raise ServiceError("\n".join(dead.values()))
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"{service} does not answer{f' at {where}' if where else ''} "
                    f"within {timeout} s (SERVICE_TIMEOUT); see {stack.services.log(service)}"
                )
            stack.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def has_key(address: Address, path: str, key: str) -> bool:
    """Return whether GET `path` returns a JSON object with `key`."""
    try:
        found = json.loads(_body(address, path))
    except ValueError:
        return False
    return isinstance(found, dict) and key in found


def has_text(address: Address, path: str, text: str) -> bool:
    """Return whether GET `path` returns a body that contains `text`."""
    return text.encode() in _body(address, path)


def answers(address: Address, path: str) -> bool:
    """Return whether GET `path` is answered, by another machine, too, with no error of its code."""
    return 0 < _answer(address, path)[0] < _FAILED


def is_failing(address: Address, path: str) -> bool:
    """Return whether GET `path` is answered with an error of the server's code."""
    return _answer(address, path)[0] == _FAILED


def is_ours(address: Address) -> bool:
    """Return whether it is our user who listens at this address of the machine.

    Another user may take a port after it was found free, and before the service is there.
    """
    return listening_user(socket_host(address[0]), address[1]) == os.geteuid()


def _body(address: Address, path: str) -> bytes:
    """Return the body of the answer to GET `path`, or b"" after an error."""
    status, body = _answer(address, path)
    return body if status in _GOOD and is_ours(address) else b""


def _answer(address: Address, path: str) -> tuple[int, bytes]:
    """Return status and body of the answer to GET `path`; 0 if there is none. Uses no proxy."""
    from http.client import (  # noqa: PLC0415 - not always
        HTTPConnection,
        HTTPException,
        RemoteDisconnected,
    )

    host, port = address
    connection = HTTPConnection(socket_host(host), port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
    except RemoteDisconnected:
        # Of an application that ends its process, uWSGI sends nothing.
        return _FAILED, b""
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()
    return answer.status, body
