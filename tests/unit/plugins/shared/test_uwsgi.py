"""Serving WSGI: the port, and waiting for the answer. Serving itself is tested end to end."""

import http.server
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doitstack import warm
from doitstack.errors import ServiceError
from doitstack.source_trees import SourceTree
from doitstack.stack import Stack
from doitstack.venvs import Environment
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served
from tests.unit.recorded_actions import RecordedActions, make_stack
from tests.unit.source_repository import make_repository


class Answer(http.server.BaseHTTPRequestHandler):
    body = json.dumps({"version": {}}).encode()

    def do_GET(self) -> None:
        if self.path == "/silent":
            return
        self.send_response({"/v3": 200, "/bad": 500}.get(self.path, 404))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        pass


pytestmark = pytest.mark.usefixtures("supervisord")


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def patience() -> str:
    """Return SERVICE_TIMEOUT in s: a wait for nothing lasts for the whole test."""
    return "1000"


@pytest.fixture
def stack(tmp_path: Path, patience: str) -> Iterator[Stack]:
    made = make_stack(tmp_path, SERVICE_TIMEOUT=patience)
    with made.acting(RecordedActions(lambda program: None)):
        yield made


def service(port: int, host: str = "127.0.0.1") -> WsgiService:
    return WsgiService("web", "m:app", Environment(Path("/none"), ()), host, port)


def test_repositories_in_dest_are_not_imported(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Path] = []
    monkeypatch.setattr(Stack, "run_process", lambda *_, cwd, **__: served.append(cwd))
    serve(stack, service(1))
    assert served == [Path("/none")]


@pytest.mark.parametrize(
    ("processes", "code", "is_lazy"), [(1, "", True), (2, "", False), (2, "a tree", True)]
)
def test_application_is_imported_once_for_several_processes(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, processes: int, code: str, is_lazy: bool
) -> None:
    served: list[list[str]] = []
    monkeypatch.setattr(Stack, "run_process", lambda _, name, argv, **__: served.append(argv))
    monkeypatch.setattr(Environment, "code_to_run", lambda _: code)
    serve(stack, replace(service(1), processes=processes))
    (argv,) = served
    assert ("--lazy-apps" in argv) == is_lazy
    assert ("--shared-pyimport=doitstack_freeze" in argv) == (not is_lazy)


def test_uwsgi_is_a_fork_of_its_relative(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[list[str]] = []
    monkeypatch.setattr(Stack, "run_process", lambda _, name, argv, **__: served.append(argv))
    monkeypatch.setattr(warm, "daemon", lambda _, *words: ["client", *words])
    program = warm.Program(Environment(Path("/none"), ()), "manage")
    serve(stack, replace(service(1), forked_from=program))
    (argv,) = served
    assert argv[:5] == ["client", program, "web", "uwsgi", "--http-socket"]


def test_environment_variables_are_none_by_default() -> None:
    assert service(1).env == {}


def test_wait_is_over_when_the_service_answers(
    stack: Stack, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    wait_until_served(stack, service(port), "/v3", "version")


def test_wait_fails_at_once_for_a_dead_service(stack: Stack) -> None:
    with pytest.raises(ServiceError, match="service web does not run"):
        wait_until_served(stack, service(1), "/v3", "version")


@pytest.mark.parametrize("patience", ["1"])
@pytest.mark.parametrize(("path", "key"), [("/v2", "version"), ("/v3", "other")])
def test_wait_gives_up_on_a_wrong_answer(stack: Stack, port: int, path: str, key: str) -> None:
    stack.run_process("web", ["sleep", "1000"])
    with pytest.raises(ServiceError, match=rf"{path} within 1 s \(SERVICE_TIMEOUT\).*web.log"):
        wait_until_served(stack, service(port), path, key)


@pytest.mark.parametrize("path", ["/bad", "/silent"])
def test_error_of_the_users_code_fails_at_once_with_its_traceback(
    stack: Stack, port: int, tmp_path: Path, path: str
) -> None:
    tree = SourceTree("web", "web", make_repository(tmp_path / "tree"), "", "")
    stack.run_process("web", ["sleep", "1000"])
    stack.log_dir.mkdir(parents=True, exist_ok=True)
    log = stack.services.log("web")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(
        'Traceback (most recent call last):\n  File "/home/me/web.py", line 3, in f\nKeyError: 1\n'
    )
    of_user = replace(
        service(port), environment=Environment(tmp_path / "venv", ("web",), trees=(tree,))
    )
    with pytest.raises(ServiceError) as raised:
        wait_until_served(stack, of_user, path, "version")
    assert str(raised.value) == (
        f"web answers with an error at 127.0.0.1:{port}{path}; its log is {log}\n"
        '  File "/home/me/web.py", line 3, in f\nKeyError: 1'
    )
