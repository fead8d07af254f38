"""The accounts: DevStack's futures by DevStack's names, found or created."""

from contextlib import nullcontext
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from doitstack.cloud import DEFAULT_DOMAIN
from doitstack.steps import Kind
from doitstack_plugins.keystone import accounts
from doitstack_plugins.keystone.accounts import DOMAIN_ROLE, GRANTS, Grant, account_steps
from tests.unit.plugins.keystone.fake_identity import FakeIdentity
from tests.unit.recorded_actions import RecordedActions, make_stack

DEVSTACK = [
    *("ks-domain-role", "ks-project", "ks-service", "ks-reseller", "ks-anotherrole"),
    *("ks-demo-member", "ks-demo-admin", "ks-demo-another", "ks-demo-invis", "ks-demo-reader"),
    *("ks-alt-admin", "ks-alt-another", "ks-alt-member-user", "ks-alt-reader-user"),
    *("ks-system-member", "ks-system-reader"),
    *("ks-group-memberdemo", "ks-group-anotherdemo"),
    *("ks-group-memberalt", "ks-group-anotheralt", "ks-group-admin"),
]


def test_account_steps_have_devstacks_futures_in_devstacks_order() -> None:
    steps = list(account_steps(lambda: lambda: False))
    assert [step.name for step in steps if step.kind is Kind.ASYNC_RUN] == DEVSTACK


def test_account_steps_wait_for_every_future_once() -> None:
    steps = list(account_steps(lambda: lambda: False))
    waits = [name for step in steps if step.kind is Kind.ASYNC_WAIT for name in step.waits]
    assert waits == DEVSTACK


def test_grants_come_after_what_they_need() -> None:
    names = [step.name for step in account_steps(lambda: lambda: False)]
    first_grant = names.index("ks-demo-member")
    assert names.index("create_demo_accounts") < first_grant
    assert "ks-anotherrole" in names[first_grant - 1]


def test_every_step_but_waits_has_a_check_of_its_own() -> None:
    checks = []

    def check() -> Any:
        checks.append(object())
        return checks[-1]

    steps = [step for step in account_steps(check) if step.kind is not Kind.ASYNC_WAIT]
    assert [step.doit["uptodate"] for step in steps] == [[one] for one in checks]


def test_grant_has_a_readable_text() -> None:
    assert str(GRANTS["ks-group-admin"]) == "admin group admins admin"
    assert str(DOMAIN_ROLE) == "admin admin domain default"
    assert str(Grant("reader", user="system_reader")) == "reader system_reader system"


@pytest.fixture
def keystone(monkeypatch: pytest.MonkeyPatch) -> FakeIdentity:
    """A Keystone with what its bootstrap makes."""
    identity = FakeIdentity()
    identity.make("domain", "Default")
    for kind in ("user", "project"):
        identity.make(kind, "admin", domain_id=DEFAULT_DOMAIN)
    for role in ("admin", "member", "reader"):
        identity.make("role", role)
    monkeypatch.setattr(accounts, "identity_api", lambda stack: nullcontext(identity))
    return identity


def make_accounts(top_dir: Path) -> None:
    """Run the steps of one plan; a future, as a forked process, has a copy of the accounts."""
    stack = make_stack(top_dir)
    with stack.acting(RecordedActions(lambda program: None)):
        for step in account_steps(lambda: lambda: False):
            if step.kind is not Kind.ASYNC_WAIT:
                action: Any = step.action
                its = action.__self__ if step.kind is Kind.RUN else deepcopy(action.__self__)
                getattr(its, action.__name__)(stack, *step.args)


def test_accounts_are_made_with_a_list_of_each_kind(tmp_path: Path, keystone: FakeIdentity) -> None:
    make_accounts(tmp_path)
    looked_up = [one for one in keystone.requests if not one[0].startswith("create_")]
    default = {"domain_id": DEFAULT_DOMAIN}
    assert looked_up == [
        ("projects", default),
        ("users", default),
        ("roles", {}),
        ("domains", {}),
        ("projects", {"domain_id": "domain-Default"}),
        ("groups", default),
        # Made in a future, so the main line does not know it.
        *[("roles", {"name": "anotherrole"})] * 4,
    ]
    assert len(keystone.created()) == 3 + 1 + 7 + 2 + 3


def test_accounts_are_made_once(tmp_path: Path, keystone: FakeIdentity) -> None:
    make_accounts(tmp_path)
    created, grants = keystone.created(), keystone.grants.copy()
    keystone.grants.clear()
    make_accounts(tmp_path)
    assert keystone.created() == created
    assert keystone.grants == grants
    assert set(keystone.passwords) == {f"user-{name}" for name in accounts.USERS}


def test_plan_knows_nothing_of_another_plans_keystone(
    tmp_path: Path, keystone: FakeIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_accounts(tmp_path)
    again = FakeIdentity()
    again.objects = {
        kind: [one for one in things if one.name in {"admin", "Default", "member", "reader"}]
        for kind, things in keystone.objects.items()
    }
    monkeypatch.setattr(accounts, "identity_api", lambda stack: nullcontext(again))
    make_accounts(tmp_path)
    assert again.created() == keystone.created()


def test_grants_are_on_projects_a_domain_and_the_system(
    tmp_path: Path, keystone: FakeIdentity
) -> None:
    make_accounts(tmp_path)
    assert len(keystone.grants) == len(GRANTS) + 1
    assert {
        ("domain_role_to_user", DEFAULT_DOMAIN, "user-admin", "role-admin"),
        ("project_role_to_user", "project-demo", "user-demo", "role-anotherrole"),
        ("project_role_to_group", "project-admin", "group-admins", "role-admin"),
        ("system_role_to_user", "user-system_reader", "role-reader", "all"),
    } <= set(keystone.grants)
