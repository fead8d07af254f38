"""Find services that are enabled or disabled to no effect. Runs nothing."""

from collections.abc import Iterator

from doitstack.config.settings import Settings
from doitstack.planning.known_services import KnownServices, absent_services, unknown_services


def service_mistakes(settings: Settings, known: KnownServices) -> Iterator[str]:
    """Yield a mistake for each service that the user enables and that is unknown."""
    enabled = [name for name in settings.services if name in settings.user_services]
    for name in unknown_services(known, enabled):
        place = settings.local.place_of(name) or "ENABLED_SERVICES"
        yield f"{place}: no plugin has the service {name}{known.nearest(name)}"


def service_warnings(settings: Settings, known: KnownServices) -> Iterator[str]:
    """Yield warnings about services that are enabled or disabled to no effect."""
    yield from absent_services(known, settings.services)
    by_plugins = [name for name in settings.services if name not in settings.user_services]
    for name in unknown_services(known, by_plugins):
        yield f"a plugin enables the service {name}, which no plugin has{known.nearest(name)}"
    for name in unknown_services(known, settings.user_disabled):
        if near := known.nearest(name):
            yield f"disable_service {name}: no plugin has this service{near}"
