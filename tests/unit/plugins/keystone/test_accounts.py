"""The accounts: DevStack's futures by DevStack's names, found or created."""

from typing import Any

from doitstack.steps import Kind
from doitstack_plugins.keystone.accounts import DOMAIN_ROLE, GRANTS, Grant, account_steps

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
