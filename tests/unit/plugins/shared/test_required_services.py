"""The services that a service needs, and checks that report all errors."""

from pathlib import Path

import pytest

from doitstack.errors import ServiceError, SettingsError, StepError
from doitstack_plugins.shared.required_services import check, check_all
from tests.unit.recorded_actions import make_stack


def test_missing_services_are_named_with_the_line_that_enables_them(tmp_path: Path) -> None:
    stack = make_stack(tmp_path, ENABLED_SERVICES="key")
    check(stack, "a", "key")
    with pytest.raises(SettingsError) as raised:
        check(stack, "a", "key", "mysql", "rabbit")
    assert str(raised.value) == (
        "a needs mysql, rabbit; add to local.conf: enable_service mysql rabbit"
    )


def test_subnode_uses_the_services_of_another_machine(tmp_path: Path) -> None:
    check(make_stack(tmp_path, SERVICE_HOST="192.0.2.1"), "n-cpu", "key", "mysql")


def failing(error: Exception) -> None:
    raise error


def test_one_error_is_raised_as_it_is() -> None:
    with pytest.raises(ServiceError, match=r"^taken$"):
        check_all(lambda: None, lambda: failing(ServiceError("taken")))


def test_several_errors_are_reported_together() -> None:
    errors = (ServiceError("taken"), SettingsError("missing"))
    with pytest.raises(StepError, match=r"^taken\nmissing$"):
        check_all(*(lambda error=error: failing(error) for error in errors))


def test_mistakes_of_ours_are_not_collected() -> None:
    with pytest.raises(ZeroDivisionError):
        check_all(lambda: failing(ServiceError("taken")), lambda: failing(ZeroDivisionError()))
