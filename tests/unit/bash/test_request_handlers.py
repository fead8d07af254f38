"""What bash asks of the main process, answered without a cloud and without a supervisor."""

import json
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.bash import keystone_requests, service_requests
from doitstack.bash.request_handlers import VERBS, Answer, answer
from doitstack.errors import ServiceError


@dataclass
class FakeStack:
    """Notes what is done to services."""

    dest: Path
    log: list[tuple[Any, ...]] = field(default_factory=list)

    def run_process(
        self, name: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> None:
        if argv == ["/bin/false"]:
            raise ServiceError(f"{name} does not stay up")
        self.log.append(("run", name, list(argv), dict(env or {})))

    def stop_process(self, name: str) -> None:
        self.log.append(("stop", name))

    def say(self, text: str) -> None:
        self.log.append(("say", text))

    def warn(self, text: str) -> None:
        self.log.append(("warn", text))

    @property
    def services(self) -> Any:
        state = SimpleNamespace(value="RUNNING")
        return SimpleNamespace(
            status=lambda: [SimpleNamespace(name="a", state=state)],
            start_again=self._start_again,
        )

    def _start_again(self, name: str) -> bool:
        self.log.append(("again", name))
        return name == "keystone"


class FakeIdentity:
    """Keystone as far as it is asked: things with a name, a domain and an id."""

    def __init__(self) -> None:
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.things: dict[str, list[SimpleNamespace]] = {}
        self.assigned: list[tuple[str, ...]] = []

    def __getattr__(self, name: str) -> Any:
        verb, _, kind = name.partition("_")
        if verb == "find":
            return lambda wanted, **where: self._find(kind, wanted, where)
        if verb == "create":
            return lambda **given: self._create(kind, given)
        if verb == "assign":
            return lambda *ids: self.assigned.append((kind, *ids))
        if name in {"services", "endpoints"}:
            return lambda **where: self._matching(name[:-1], where)
        raise AttributeError(name)

    def _create(self, kind: str, given: dict[str, Any]) -> SimpleNamespace:
        self.made.append((kind, given))
        name = given.get("name") or given.get("id") or given.get("interface")
        thing = SimpleNamespace(**{"id": f"{kind}-{name}", "name": name, **given})
        self.things.setdefault(kind, []).append(thing)
        return thing

    def _find(self, kind: str, wanted: str, where: dict[str, str]) -> SimpleNamespace | None:
        found = self._matching(kind, where)
        return next((one for one in found if wanted in {one.name, one.id}), None)

    def _matching(self, kind: str, where: dict[str, str]) -> list[SimpleNamespace]:
        things = self.things.get(kind, [])
        return [one for one in things if where.items() <= vars(one).items()]


@pytest.fixture
def stack(tmp_path: Path) -> Any:
    return FakeStack(tmp_path)


@pytest.fixture
def keystone(monkeypatch: pytest.MonkeyPatch) -> FakeIdentity:
    api = FakeIdentity()
    api.create_domain(name="Default")
    api.made.clear()
    monkeypatch.setattr(keystone_requests, "_identity", lambda stack: nullcontext(api))
    return api


def test_run_process_starts_the_command_as_it_is_quoted(stack: Any) -> None:
    assert (
        answer(stack, "run_process", ["a", "/bin/x --y 'a b'", "", "", "A=1 B='2 3'"]) == Answer()
    )
    assert stack.log == [("run", "a", ["/bin/x", "--y", "a b"], {"A": "1", "B": "2 3"})]


def test_run_process_changes_user_and_group(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_requests.getpass, "getuser", lambda: "me")
    monkeypatch.setattr(service_requests.os, "geteuid", lambda: 0)
    answer(stack, "run_process", ["a", "/bin/x y", "kvm", "other"])
    monkeypatch.setattr(service_requests.os, "geteuid", lambda: 1000)
    answer(stack, "run_process", ["b", "/bin/x", "", "other"])
    answer(stack, "run_process", ["c", "/bin/x", "", "me"])
    assert [entry[2] for entry in stack.log] == [
        ["runuser", "-u", "other", "--", "sg", "kvm", "-c", "/bin/x y"],
        ["sudo", "-n", "-u", "other", "--", "/bin/x"],
        ["/bin/x"],
    ]


def test_a_service_starts_again_by_its_name(stack: Any) -> None:
    answer(stack, "write_unit", ["a", "/bin/x"])
    assert answer(stack, "restart_process", ["a"]) == Answer()
    assert answer(stack, "stop_process", ["a"]) == Answer()
    assert stack.log == [("stop", "a"), ("run", "a", ["/bin/x"], {}), ("stop", "a")]
    file = stack.dest / "units" / "a.json"
    assert json.loads(file.read_text())["command"] == "/bin/x"
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("verb", "arguments", "said"),
    [
        ("start_process", ["none"], "none was never started; call run_process none COMMAND"),
        ("run_process", ["a", "/bin/x 'y"], "a: cannot understand its command: No closing"),
        ("run_process", ["../a", "/bin/x"], "'../a' cannot name a service"),
        ("run_process", ["a", "/bin/false"], "a does not stay up"),
        ("run_process", ["a"], "called with 1 arguments: missing a required argument: 'command'"),
        ("nothing", [], "no such request; there are check_deaths, get_endpoint_url,"),
        ("get_or_create_role", ["r"], "clouds.yaml does not exist; enable the service key"),
    ],
)
def test_error_is_one_line(stack: Any, verb: str, arguments: list[str], said: str) -> None:
    given = answer(stack, verb, arguments)
    assert (given.code, given.out) == (1, "")
    assert given.err.startswith(f"{verb}: ")
    assert said in given.err
    assert given.err.count("\n") == 1


def test_foreign_service_restarts_unchanged(stack: Any) -> None:
    assert answer(stack, "restart_process", ["keystone"]) == Answer()
    assert stack.log == [("stop", "keystone"), ("again", "keystone")]


def test_small_requests(stack: Any) -> None:
    assert answer(stack, "service_check", []) == Answer(0, "a RUNNING\n", "")
    assert answer(stack, "say", ["text"]) == Answer()
    assert answer(stack, "warn", ["more"]) == Answer()
    assert stack.log == [("say", "text"), ("warn", "more")]


def test_accounts_are_made_once(stack: Any, keystone: FakeIdentity) -> None:
    requests = [
        ("get_or_create_domain", ["d", "text"], "domain-d"),
        ("get_or_create_project", ["p", "Default"], "project-p"),
        ("get_or_create_user", ["u", "pw", "Default", "u@example.com"], "user-u"),
        ("get_or_create_group", ["g", "d", "text"], "group-g"),
        ("get_or_create_role", ["r"], "role-r"),
        ("get_or_create_service", ["nova", "compute", "text"], "service-nova"),
    ]
    for verb, arguments, made in requests * 2:
        assert answer(stack, verb, arguments) == Answer(0, f"{made}\n", "")
    default = {"domain_id": "domain-Default"}
    assert keystone.made == [
        ("domain", {"name": "d", "description": "text"}),
        ("project", {"name": "p", **default}),
        ("user", {"name": "u", "password": "pw", "email": "u@example.com", **default}),
        ("group", {"name": "g", "domain_id": "domain-d", "description": "text"}),
        ("role", {"name": "r"}),
        ("service", {"name": "nova", "type": "compute", "description": "text"}),
    ]


def test_roles_are_given(stack: Any, keystone: FakeIdentity) -> None:
    for kind in ("user", "project", "group"):
        keystone._create(kind, {"name": kind[0], "domain_id": "domain-Default"})
    keystone.create_role(name="r")
    domains = ["Default", "Default"]
    for verb, arguments in [
        ("get_or_add_user_project_role", ["r", "u", "p", *domains]),
        ("get_or_add_user_project_role", ["r", "user-u", "project-p"]),
        ("get_or_add_user_domain_role", ["r", "u", "Default"]),
        ("get_or_add_user_system_role", ["r", "u", "all", "Default"]),
        ("get_or_add_group_project_role", ["r", "g", "p"]),
    ]:
        assert answer(stack, verb, arguments) == Answer(0, "role-r\n", "")
    assert keystone.assigned == [
        ("project_role_to_user", "project-p", "user-u", "role-r"),
        ("project_role_to_user", "project-p", "user-u", "role-r"),
        ("domain_role_to_user", "domain-Default", "user-u", "role-r"),
        ("system_role_to_user", "user-u", "role-r", "all"),
        ("project_role_to_group", "project-p", "group-g", "role-r"),
    ]
    said = answer(stack, "get_or_add_user_project_role", ["r", "nobody", "p"]).err
    assert said == "get_or_add_user_project_role: user nobody does not exist; create it first\n"


def test_endpoints_are_made_for_the_urls_given(stack: Any, keystone: FakeIdentity) -> None:
    keystone.create_service(name="nova", type="compute")
    keystone.made.clear()
    urls = ["http://p", "http://a", "http://i"]
    for _ in range(2):
        given = answer(stack, "get_or_create_endpoint", ["compute", "R", *urls])
        assert given.out == "endpoint-admin\nendpoint-internal\nendpoint-public\n"
    assert [kind for kind, _ in keystone.made] == ["region", *["endpoint"] * 3]
    assert (
        answer(stack, "get_or_create_endpoint", ["nova", "R", "http://p"]).out
        == "endpoint-public\n"
    )
    assert answer(stack, "get_endpoint_url", ["nova", "admin"]).out == "http://a\n"
    assert "service x does not exist" in answer(stack, "get_endpoint_url", ["x", "admin"]).err


def test_a_mistake_of_ours_is_not_hidden(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_it(stack: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(keystone_requests, "_identity", break_it)
    with pytest.raises(ZeroDivisionError):
        answer(stack, "get_or_create_role", ["r"])


def test_library_uses_all_requests_but_those_of_scripts() -> None:
    library = Path(keystone_requests.__file__).with_name("library")
    asked = set()
    for line in "".join(file.read_text() for file in library.glob("*.sh")).splitlines():
        words = line.replace(";", " ").split()
        for before, word in pairwise(words):
            if before in {"doitstack_request", "_identity"} and word[0].isalpha():
                asked.add(word)
    assert asked <= set(VERBS) | {"VERB"}
    assert set(VERBS) - asked == {
        "say",  # session.sh's echo_summary
        "warn",  # of scripts themselves: docs/shell-functions.md
        "start_process",
        "restart_process",
        "reload-or-restart_process",
    }
