"""Glance: its API as the service `g-api`, with images as files below `$DATA_DIR/glance`."""

import shlex
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, shell, warm
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files, ports, required_services, venvs, warm_managers
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served

SERVICE = "g-api"


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/glance."""
    conf_files.set_address(settings, "GLANCE", "9292")
    settings.default("IMAGE_URLS", "")
    settings.default("GLANCE_CONF_DIR", f"{settings['DATA_DIR']}/glance/etc")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that glance can be served where it should be."""
    if stack.is_service_enabled(SERVICE):
        yield run(check_glance, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install glance and make its database, which needs no other service."""
    if not stack.is_service_enabled(SERVICE):
        return
    current = environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_glance", install_glance, wait=first, uptodate=[current])
    yield async_run(
        "init_glance",
        init_glance,
        wait=["install_glance", *mariadb.waits(stack)],
        uptodate=[Unchanged(partial(schema, stack))],
    )


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure glance and make its accounts."""
    if not stack.is_service_enabled(SERVICE):
        return
    yield run(configure_glance)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_glance_accounts", create_glance_accounts, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Have glance served, and given the images of IMAGE_URLS."""
    if not stack.is_service_enabled(SERVICE):
        return
    yield async_wait("install_glance", "init_glance", "create_glance_accounts")
    yield async_run("start_glance", start_glance)
    urls = _image_urls(stack)
    if urls:
        upload = " && ".join(f"upload_image {shlex.quote(url)}" for url in urls)
        yield async_run("upload_images", shell(upload), wait=["start_glance"])


@hookimpl
def stack_test_config(stack: Stack) -> Iterator[Step]:
    """Have the images there before tests look for them."""
    if stack.is_service_enabled(SERVICE) and _image_urls(stack):
        yield async_wait("upload_images")


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop glance, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_glance)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what glance made."""
    yield run(clean_glance)


def environment(stack: Stack) -> Environment:
    """Return glance's virtual environment."""
    return venvs.service_environment(stack, "glance", "glance")


def check_glance(stack: Stack) -> None:
    """Raise where glance cannot be served, or lacks a service."""
    required_services.check_all(
        lambda: required_services.check(stack, SERVICE, "key"),
        lambda: ports.check_api(stack, SERVICE, "GLANCE"),
    )


def install_glance(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))
    warm.offer(stack, _manager(stack))


def configure_glance(stack: Stack) -> None:
    """Write glance-api.conf (0600)."""
    conf_files.write(_conf_file(stack), _conf(stack))


def init_glance(stack: Stack) -> None:
    """Make the database, or bring it up to the installed version; a new one knows no images."""
    configure_glance(stack)
    if not mariadb.database_id(stack, "glance"):
        shutil.rmtree(_state(stack) / "images", ignore_errors=True)
    for name in ("images", "staging", "tasks"):
        private_directory(_state(stack) / name)
    metadefs = environment(stack).path / "etc" / "glance" / "metadefs"
    with mariadb.migrating(stack, "glance"):
        _manage(stack, "db_sync")
        _manage(stack, "db_load_metadefs", str(metadefs))


def create_glance_accounts(stack: Stack) -> None:
    """Make glance's user and its place in the catalog."""
    url = stack.settings["GLANCE_SERVICE_URI"]
    service_accounts.create(stack, "glance", "image", "glance", url)


def start_glance(stack: Stack) -> None:
    """Have glance served, anew if it runs from anything else than is there now, and answer."""
    service = _service(stack)
    serve(stack, service)
    wait_until_served(stack, service, "/versions", "versions")


def stop_glance(stack: Stack) -> None:
    """Stop glance; nothing happens if it does not run."""
    stack.stop_process(SERVICE)


def clean_glance(stack: Stack) -> None:
    """Remove the environment, the configuration, the images and an SQLite database."""
    remove(environment(stack))
    warm.withdraw(stack, _manager(stack).name)
    discard(stack.settings, _conf_file(stack).parent, _state(stack))


def schema(stack: Stack) -> str:
    """Return what the schema was made from: the installed version and the database."""
    return digest(environment(stack).digest(), mariadb.schema_key(stack, "glance"))


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["GLANCE_SERVICE_URI"])


def _service(stack: Stack) -> WsgiService:
    env = {
        **venvs.environ(stack),
        "OS_GLANCE_CONFIG_DIR": str(_conf_file(stack).parent),
        # Nobody reads it: another value restarts the service.
        "GLANCE_GENERATION": digest(schema(stack), conf_files.read(_conf_file(stack))),
    }
    return WsgiService(
        SERVICE,
        "glance.wsgi.api:application",
        environment(stack),
        stack.settings["GLANCE_SERVICE_HOST"],
        stack.settings.port("GLANCE_SERVICE_PORT"),
        env,
    )


def _manage(stack: Stack, *arguments: str) -> None:
    warm.call(stack, _manager(stack), "--config-file", _conf_file(stack), *arguments)


def _manager(stack: Stack) -> warm.Program:
    return warm_managers.manager(stack, environment(stack), "glance-manage", "glance.cmd.manage")


def _conf(stack: Stack) -> conf_files.Sections:
    state = _state(stack)
    return {
        "DEFAULT": {
            "enabled_backends": "file:file",
            "node_staging_uri": f"file://{state}/staging",
            "public_endpoint": stack.settings["GLANCE_SERVICE_URI"],
        },
        "database": mariadb.options(stack, "glance"),
        "glance_store": {"default_backend": "file"},
        "file": {"filesystem_store_datadir": f"{state}/images"},
        "os_glance_staging_store": {"filesystem_store_datadir": f"{state}/staging"},
        "os_glance_tasks_store": {"filesystem_store_datadir": f"{state}/tasks"},
        "paste_deploy": {
            "flavor": "keystone",
            "config_file": f"{environment(stack).path}/etc/glance/glance-api-paste.ini",
        },
        "oslo_concurrency": {"lock_path": f"{state}/locks"},
        "keystone_authtoken": service_accounts.authtoken_options(stack, "glance"),
    }


def _image_urls(stack: Stack) -> list[str]:
    return [url for url in stack.settings["IMAGE_URLS"].replace(",", " ").split() if url]


def _state(stack: Stack) -> Path:
    return stack.data_dir / "glance"


def _conf_file(stack: Stack) -> Path:
    return stack.settings.path("GLANCE_CONF_DIR") / "glance-api.conf"
