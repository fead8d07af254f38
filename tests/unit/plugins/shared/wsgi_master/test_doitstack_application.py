"""What a uWSGI worker imports: the application, or it ends uWSGI with the reason."""

import subprocess
import sys
from pathlib import Path

import pytest

from doitstack_plugins.shared.uwsgi import MODULES

REQUEST = """
import doitstack_application as it
answer = it.application({}, lambda *given: print(given))
print(*(part.decode() for part in answer))
"""
"""Asks the application as uWSGI does; shows what it gives to `start_response`, and its answer."""


def imported(place: Path, text: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Import an application with this text as a worker does, and ask it."""
    (place / "app.py").write_text(text)
    environ = {"PYTHONPATH": f"{MODULES}:{place}", "DOITSTACK_APPLICATION": "app:made", **env}
    command = [sys.executable, "-c", REQUEST]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def test_application_is_imported(tmp_path: Path) -> None:
    text = "def made(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n"
    assert imported(tmp_path, text).stdout == "('200 OK', [])\nhello\n"


def test_exception_in_a_request_is_logged_and_answered_with_500(tmp_path: Path) -> None:
    text = "def made(environ, start):\n    raise ValueError('the password')\n"
    done = imported(tmp_path, text)
    first, _, rest = done.stdout.partition("\n")
    assert first == "('500 Internal Server Error', [('Content-Type', 'text/plain')])"
    assert rest.startswith("Internal Server Error")
    assert "password" not in done.stdout
    assert "doitstack" not in done.stderr
    assert done.stderr.endswith(
        f'{tmp_path}/app.py", line 2, in made\n'
        "    raise ValueError('the password')\n"
        "ValueError: the password\n"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('no driver')", "SystemExit: no driver"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("other = 1", "AttributeError: module 'app' has no attribute 'made'"),
    ],
)
def test_failure_ends_uwsgi_with_the_frames_of_the_application(
    tmp_path: Path, text: str, reason: str
) -> None:
    done = imported(tmp_path, f"{text}\n")
    assert done.returncode == 22
    assert done.stderr.endswith(f"{reason}\n")
    assert "doitstack" not in done.stderr


SQLALCHEMY = """\
import sqlite3

class engine:
    class Engine: ...

class event:
    def listen(target, name, function):
        assert (target, name) == (engine.Engine, "connect")
        event.function = function

def connected():
    connection = sqlite3.connect(":memory:")
    getattr(event, "function", lambda *_: None)(connection, None)
    return connection.execute("PRAGMA foreign_keys").fetchone()[0]
"""


@pytest.mark.parametrize(
    ("env", "enforced"), [({"DOITSTACK_SQLITE_FOREIGN_KEYS": "1"}, 1), ({}, 0)]
)
def test_foreign_keys_are_enforced_if_asked_for(
    tmp_path: Path, env: dict[str, str], enforced: int
) -> None:
    (tmp_path / "sqlalchemy.py").write_text(SQLALCHEMY)
    text = "import sqlalchemy\nmade = lambda *_: [b'%d' % sqlalchemy.connected()]\n"
    done = imported(tmp_path, text, **env)
    assert done.stdout == f"{enforced}\n", done.stderr
