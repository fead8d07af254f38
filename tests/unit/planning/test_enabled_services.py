"""Services that are enabled or disabled to no effect."""

from pathlib import Path

from doitstack.config.settings import load_settings
from doitstack.planning.enabled_services import service_mistakes, service_warnings
from doitstack.planning.known_services import KnownServices
from doitstack.planning.plugin import Plugin

KNOWN = KnownServices((Plugin("greet", "", known_services=("greet-api",)),), {})


def test_unknown_service_of_the_user_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text("[[local|localrc]]\nENABLED_SERVICES=greet-api\nenable_service greet-apy\n")
    settings = load_settings(tmp_path, {})
    assert list(service_mistakes(settings, KNOWN)) == [
        f"{conf}:3: no plugin has the service greet-apy; did you mean greet-api?"
    ]
    assert list(service_warnings(settings, KNOWN)) == []


def test_unknown_service_of_a_plugin_is_warned_of(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"ENABLED_SERVICES": "greet-api"})
    settings.enable_service("greet-apy")
    assert list(service_mistakes(settings, KNOWN)) == []
    assert list(service_warnings(settings, KNOWN)) == [
        "a plugin enables the service greet-apy, which no plugin has; did you mean greet-api?"
    ]


def test_disabled_service_that_nearly_exists_is_warned_of(tmp_path: Path) -> None:
    conf = tmp_path / "local.conf"
    conf.write_text("[[local|localrc]]\nENABLED_SERVICES=,\ndisable_service greet-apy xyzzy\n")
    assert list(service_warnings(load_settings(tmp_path, {}), KNOWN)) == [
        "disable_service greet-apy: no plugin has this service; did you mean greet-api?"
    ]
