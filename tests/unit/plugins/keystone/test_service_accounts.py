"""How services log in, and what their accounts were made from."""

from contextlib import nullcontext
from pathlib import Path

import pytest

from doitstack.cloud import DEFAULT_DOMAIN
from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
from tests.unit.plugins.keystone.fake_identity import FakeIdentity
from tests.unit.recorded_actions import RecordedActions, make_stack


def make(tmp_path: Path, services: str = "key") -> Stack:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services, SERVICE_PASSWORD="p$% w")
    mariadb.source(stack.settings)
    return stack


def test_authtoken_is_a_block_with_the_service_user(tmp_path: Path) -> None:
    stack = make(tmp_path)
    block = service_accounts.authtoken(stack, "nova")
    assert block.startswith("[keystone_authtoken]\n")
    assert "username = nova\n" in block
    assert service_accounts.credentials(stack, "nova")["password"] == "p$% w"


def test_accounts_are_created_again_for_another_keystone(tmp_path: Path) -> None:
    stack = make(tmp_path, "key")
    with stack.acting(RecordedActions(lambda program: None)):
        before = service_accounts.key(stack, "url")
        assert service_accounts.key(stack, "other") != before
        mariadb.create(stack, "keystone")
        assert service_accounts.key(stack, "url") != before


def test_user_has_its_roles_on_the_service_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, identity = make(tmp_path), FakeIdentity()
    identity.make("domain", "Default")
    identity.make("project", "service", domain_id="domain-Default")
    for role in ("service", "admin"):
        identity.make("role", role)
    monkeypatch.setattr(service_accounts, "identity_api", lambda stack: nullcontext(identity))
    with stack.acting(RecordedActions(lambda program: None)):
        for _ in range(2):
            service_accounts.create(stack, "nova", "", "nova")
    key = {"name": "nova", "domain_id": DEFAULT_DOMAIN}
    more = {"password": "p$% w", "email": "nova@example.com"}
    assert identity.created() == [("create_user", {**key, **more})]
    assert identity.passwords == {"user-nova": "p$% w"}
    roles = ("role-service", "role-admin")
    grants = [("project_role_to_user", "project-service", "user-nova", role) for role in roles]
    assert identity.grants == grants * 2
