"""Horizon: the dashboard, its static files made once, its sessions in signed cookies."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.private_files import write_private
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.shared import conf_files, health, ports, required_services, venvs
from doitstack_plugins.shared.uwsgi import WsgiService, serve

SERVICE = "horizon"

_SETTINGS = """\
DEBUG = False
ALLOWED_HOSTS = ["*"]
SECRET_KEY = {key!r}
OPENSTACK_KEYSTONE_URL = {keystone!r}
OPENSTACK_KEYSTONE_DEFAULT_REGION = {region!r}
OPENSTACK_ENDPOINT_TYPE = "publicURL"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
CACHES = {{"default": {{"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}}}
COMPRESS_OFFLINE = True
STATIC_ROOT = {static!r}
"""


@hookimpl
def source(settings: Settings) -> None:
    """Set where the dashboard is."""
    conf_files.set_address(settings, "HORIZON", "8088")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that horizon can be served where it should be."""
    if stack.is_service_enabled(SERVICE):
        yield run(check_horizon, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install horizon."""
    if stack.is_service_enabled(SERVICE):
        current = environment(stack).is_current
        first = venvs.first(stack)
        yield async_run("install_horizon", install_horizon, wait=first, uptodate=[current])


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure horizon and make its static files."""
    if stack.is_service_enabled(SERVICE):
        good = [partial(is_configured, stack), Unchanged(partial(static_files, stack))]
        wait = ["install_horizon"]
        yield async_run("configure_horizon", configure_horizon, wait=wait, uptodate=good)


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Have horizon served."""
    if stack.is_service_enabled(SERVICE):
        yield async_wait("install_horizon", "configure_horizon")
        yield async_run("start_horizon", start_horizon)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop horizon, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_horizon)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what horizon made."""
    yield run(clean_horizon)


def environment(stack: Stack) -> Environment:
    """Return horizon's virtual environment."""
    return venvs.service_environment(stack, "horizon", "horizon")


def check_horizon(stack: Stack) -> None:
    """Raise where horizon cannot be served, or lacks a service."""
    required_services.check_all(
        lambda: required_services.check(stack, SERVICE, "key"),
        lambda: ports.check_api(stack, SERVICE, "HORIZON"),
    )


def install_horizon(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))


def configure_horizon(stack: Stack) -> None:
    """Write the settings (0600), and make the static files from them."""
    write_private(_state(stack) / "local" / "__init__.py", "")
    write_private(_state(stack) / "local" / "local_settings.py", _settings(stack))
    shutil.rmtree(_static(stack), ignore_errors=True)
    program = environment(stack).program("django-admin")
    for words in (("collectstatic", "--noinput", "--verbosity=0"), ("compress", "--force")):
        stack.run([program, *words], env=_environ(stack), cwd=_state(stack))


def is_configured(stack: Stack) -> bool:
    """Return whether the settings and the list of compressed files are there."""
    manifest = _static(stack) / "dashboard" / "manifest.json"
    return (_state(stack) / "local" / "local_settings.py").is_file() and manifest.is_file()


def start_horizon(stack: Stack) -> None:
    """Have horizon served, anew if it runs from anything else than is there now, and answer."""
    service = _service(stack)
    serve(stack, service)
    address = (service.host, service.port)
    has_form = partial(health.has_text, address, "/auth/login/", "csrfmiddlewaretoken")
    health.wait_until(stack, SERVICE, has_form, f"{service.host}:{service.port}/auth/login/")


def stop_horizon(stack: Stack) -> None:
    """Stop horizon; nothing happens if it does not run."""
    stack.stop_process(SERVICE)


def clean_horizon(stack: Stack) -> None:
    """Remove the environment, the settings and the static files."""
    remove(environment(stack))
    shutil.rmtree(_state(stack), ignore_errors=True)


def static_files(stack: Stack) -> str:
    """Return what the static files were made from."""
    return digest(environment(stack).digest(), _settings(stack))


def _service(stack: Stack) -> WsgiService:
    # Nobody reads the generation: another value restarts the service.
    env = {**_environ(stack), "HORIZON_GENERATION": static_files(stack)}
    return WsgiService(
        SERVICE,
        "openstack_dashboard.wsgi:application",
        environment(stack),
        stack.settings["HORIZON_SERVICE_HOST"],
        stack.settings.port("HORIZON_SERVICE_PORT"),
        env,
        options=("--static-map", f"/static={_static(stack)}"),
    )


def _environ(stack: Stack) -> dict[str, str]:
    # Horizon imports `local.local_settings`; ours comes before the one in its package.
    return {
        **venvs.environ(stack),
        "DJANGO_SETTINGS_MODULE": "openstack_dashboard.settings",
        "PYTHONPATH": str(_state(stack)),
    }


def _settings(stack: Stack) -> str:
    return _SETTINGS.format(
        key=stack.password("HORIZON_SECRET_KEY"),
        keystone=stack.settings["KEYSTONE_SERVICE_URI_V3"],
        region=stack.settings["REGION_NAME"],
        static=str(_static(stack)),
    )


def _state(stack: Stack) -> Path:
    return stack.data_dir / "horizon"


def _static(stack: Stack) -> Path:
    return _state(stack) / "static"
