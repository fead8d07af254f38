"""A WSGI application of a source tree, served by uWSGI: edited without a refused request, broken.

pyuwsgi comes from the package index, or from uv's cache.
"""

import http.client
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from doitstack.errors import ServiceError
from doitstack.source_trees import SourceTree
from doitstack.stack import Stack
from doitstack.venvs import Environment, install
from doitstack_plugins.shared import wsgi_reload
from doitstack_plugins.shared.constraints import SHIPPED_CONSTRAINTS
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served
from tests.conftest import user_caches
from tests.ports import free_port
from tests.served_tool import until
from tests.unit.recorded_actions import RecordedActions, make_stack
from tests.unit.source_repository import make_repository
from tests.unit.test_venvs import run, wheel

NAME = "doitstacksample"
APPLICATION = """\
import json, pathlib, time
from doitstacksample import answer

def application(environ, start_response):
    said = answer.ANSWER
    if environ["PATH_INFO"] == "/slow":
        pathlib.Path(__file__).parents[2].joinpath("slow").touch()
        time.sleep(1)
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"answer": said}).encode()]
"""

THREAD = "threading.Thread(target=time.sleep, args=(1000,)).start()"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    made = make_repository(tmp_path / "tree", NAME)
    (made / NAME / "wsgi.py").write_text(APPLICATION)
    return made


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = make_stack(tmp_path, SERVICE_TIMEOUT="120")
    with made.acting(RecordedActions(lambda program: None)):
        yield made
    made.services.stop_all()


@pytest.fixture
def service(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> WsgiService:
    """The application in an environment of its own."""
    (tmp_path / "packages").mkdir()
    wheel(tmp_path / "packages", NAME, "1.0")
    for name, value in {**user_caches(), "UV_FIND_LINKS": str(tmp_path / "packages")}.items():
        monkeypatch.setenv(name, value)
    trees = (SourceTree(NAME, NAME, tree, "", ""),)
    constraints = str(SHIPPED_CONSTRAINTS)
    made = Environment(tmp_path / "venv", (NAME, "pyuwsgi"), constraints, trees=trees)
    install(made, run)
    web = f"{NAME}.wsgi:application"
    return WsgiService("web", web, made, "127.0.0.1", free_port(), processes=2)


def again(service: WsgiService) -> WsgiService:
    """Return the service as another run sees it, which reads its trees anew."""
    trees = tuple(replace(tree) for tree in service.environment.trees)
    return replace(service, environment=replace(service.environment, trees=trees))


def ask(service: WsgiService, path: str = "/") -> str:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=250)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException) as error:
        return repr(error)


def up(stack: Stack, service: WsgiService) -> int | None:
    """Serve it, wait until it answers, and return its pid."""
    serve(stack, service)
    wait_until_served(stack, service, "/", "answer")
    return stack.services.status()[0].pid


def test_new_code_answers_and_no_request_is_refused(
    stack: Stack, service: WsgiService, tree: Path
) -> None:
    master, answers, slow = up(stack, service), list[str](), list[str]()
    assert ask(service) == '{"answer": "first"}'
    is_over = threading.Event()

    def keep_asking() -> None:
        while not is_over.is_set():
            answers.append(ask(service))
            time.sleep(0.01)

    threads = [
        threading.Thread(target=keep_asking),
        threading.Thread(target=lambda: slow.append(ask(service, "/slow"))),
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) >= 3 and (tree.parent / "slow").exists())
    # Of the same length within the second: Python alone would not notice it.
    (tree / NAME / "answer.py").write_text("ANSWER = 'later'\n")
    assert up(stack, again(service)) == master
    assert ask(service) == '{"answer": "later"}'
    is_over.set()
    for thread in threads:
        thread.join()
    assert list(dict.fromkeys(answers)) == ['{"answer": "first"}', '{"answer": "later"}']
    assert slow == ['{"answer": "first"}']


def test_worker_waits_for_no_thread_when_it_ends(
    stack: Stack, service: WsgiService, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wsgi, sent = tree / NAME / "wsgi.py", list[int]()
    wsgi.write_text(f"import threading, time\n{THREAD}\n{wsgi.read_text()}")
    master, send = up(stack, service), wsgi_reload._send

    def note(number: int, pids: Iterable[int]) -> None:
        sent.append(number)
        send(number, pids)

    monkeypatch.setattr(wsgi_reload, "_send", note)
    (tree / NAME / "answer.py").write_text("ANSWER = 'later'\n")
    assert up(stack, again(service)) == master
    assert ask(service) == '{"answer": "later"}'
    assert set(sent) == {signal.SIGHUP, signal.SIGUSR1}


def test_error_names_the_users_line_and_the_service_comes_back(
    stack: Stack, service: WsgiService, tree: Path
) -> None:
    master = up(stack, service)
    path = tree / NAME / "answer.py"
    before = path.read_text()
    path.write_text("ANSWER = nothing\n")
    with pytest.raises(ServiceError) as raised:
        up(stack, again(service))
    assert f'File "{path}", line 1, in <module>\n    ANSWER = nothing' in str(raised.value)
    assert "NameError: name 'nothing' is not defined" in str(raised.value)
    path.write_text(before)
    assert up(stack, again(service)) != master
    assert ask(service) == '{"answer": "first"}'


def test_master_imports_what_is_outside_of_the_tree_alone(
    stack: Stack, service: WsgiService
) -> None:
    up(stack, service)
    (names,) = service.environment.path.glob("preload-web-*.json")
    found = names.read_text()
    assert '"json"' in found
    assert NAME not in found
