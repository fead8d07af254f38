"""Accounts, roles and the catalog, in a Keystone that is a dictionary."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.bash import keystone_requests
from doitstack.bash.request_handlers import Answer, answer
from tests.unit.bash.fake_stack import FakeStack


class FakeIdentity:
    """A fake Keystone: objects with a name, a domain and an id."""

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


def test_project_without_a_domain_is_in_the_default_one(stack: Any, keystone: FakeIdentity) -> None:
    keystone.create_domain(id="default", name="The default")
    for arguments in (["p"], ["p", ""]):
        assert answer(stack, "get_or_create_project", arguments).out == "project-p\n"
    assert keystone.made[1:] == [("project", {"name": "p", "domain_id": "default"})]


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
