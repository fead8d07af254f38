"""How services log in, and what their accounts were made from."""

from pathlib import Path

from doitstack.stack import Stack
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
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
