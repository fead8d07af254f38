"""Glance: its API as the service `g-api`, with images as files below `$DATA_DIR/glance`."""

import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace

from doitstack import Settings, Stack, Step, async_run, hookimpl, shell
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory
from doitstack_plugins.backing import mariadb
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.uwsgi import WsgiService

_LONGEST_CHUNK = 16 * 2**20
"""The longest piece of an upload in bytes: clients send one MiB, uWSGI by default takes less."""

_CIRROS = "https://github.com/cirros-dev/cirros/releases/download"


class Glance(ApiService):
    """Glance."""

    name = "glance"
    services = ("g-api",)
    configuration_files = ("glance-api.conf",)
    requirements = ("glance",)
    process = "g-api"
    port = "9292"
    wsgi = "glance.wsgi.api:application"
    catalog_type = "image"
    conf_name = "glance-api.conf"
    version_path = "/versions"
    manage = "glance-manage"
    manage_modules = ("glance.cmd.manage",)
    keeps_schema = True

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/glance."""
        super().source(settings)
        settings.default("CIRROS_VERSION", "0.6.3")
        _set_default_image(settings)

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Start glance, and upload the images of IMAGE_URLS."""
        yield from super().stack_extra(stack)
        urls = image_urls(stack)
        if urls:
            upload = " && ".join(f"upload_image {shlex.quote(url)}" for url in urls)
            yield async_run("upload_images", shell(upload), wait=["start_glance"])

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Nothing: `all_services` has waited for it."""
        yield from ()

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served."""
        options = ("--chunked-input-limit", str(_LONGEST_CHUNK))
        return replace(super().wsgi_service(stack), options=options)

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            "IMAGE_URLS": Settings.urls,
        }

    def init(self, stack: Stack) -> None:
        """Make the database, or bring it up to the installed version; a new one has no images."""
        if not mariadb.database_id(stack, "glance"):
            shutil.rmtree(self.data(stack) / "images", ignore_errors=True)
        for name in ("images", "staging", "tasks"):
            private_directory(self.data(stack) / name)
        super().init(stack)

    def migrate(self, stack: Stack) -> None:
        """Make the schema, and load the definitions of metadata."""
        super().migrate(stack)
        metadefs = self.environment(stack).path / "etc" / "glance" / "metadefs"
        self.run_manager(stack, "db_load_metadefs", str(metadefs))

    def conf(self, stack: Stack) -> Sections:
        """Return glance-api.conf."""
        state = self.data(stack)
        return {
            "DEFAULT": {
                "enabled_backends": "file:file",
                "node_staging_uri": f"file://{state}/staging",
                "public_endpoint": self.uri(stack),
            },
            "database": mariadb.options(stack, "glance"),
            "glance_store": {"default_backend": "file"},
            "file": {"filesystem_store_datadir": f"{state}/images"},
            "os_glance_staging_store": {"filesystem_store_datadir": f"{state}/staging"},
            "os_glance_tasks_store": {"filesystem_store_datadir": f"{state}/tasks"},
            "paste_deploy": {
                "flavor": "keystone",
                "config_file": f"{self.environment(stack).path}/etc/glance/glance-api-paste.ini",
            },
            "oslo_concurrency": {"lock_path": f"{state}/locks"},
            "keystone_authtoken": service_accounts.authtoken_options(stack, "glance"),
        }


def _set_default_image(settings: Settings) -> None:
    """Set DevStack's default image if that is wanted; not every machine can download it."""
    if not settings.get("IMAGE_URLS") and settings.is_true("DOWNLOAD_DEFAULT_IMAGES"):
        version = settings["CIRROS_VERSION"]
        name = f"cirros-{version}-x86_64-disk"
        settings.default("IMAGE_URLS", f"{_CIRROS}/{version}/{name}.img")
        settings.default("DEFAULT_IMAGE_NAME", name)
    settings.default("IMAGE_URLS", "")


def image_urls(stack: Stack) -> list[str]:
    """Return the addresses of the images to upload."""
    return stack.settings.urls("IMAGE_URLS")


plugin = Glance()
