"""Horizon: the dashboard, its static files made once, its sessions in signed cookies."""

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl
from doitstack.config.shared_directories import shared_directory
from doitstack.private_files import write_private
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.horizon import static_files
from doitstack_plugins.shared import conf_files, health, ports, venvs
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import Service, named
from doitstack_plugins.shared.uwsgi import WsgiService, serve

_LOGIN = "/auth/login/"

_PLACES = ("enabled", "local_settings.d")
"""The directories, below `local`, of what scripts write for horizon."""

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


class Horizon(Service):
    """Horizon."""

    name = "horizon"
    services = ("horizon",)
    requirements = ("horizon",)

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set where the dashboard is."""
        conf_files.set_address(settings, "HORIZON", "8088")

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Configure horizon and make its static files."""
        name, wait = "configure_horizon", ["install_horizon"]
        good = [partial(self.is_configured, stack), Unchanged(partial(self.generation, stack))]
        yield async_run(name, named(name, self.configure), wait=wait, uptodate=good)

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Start horizon."""
        yield async_wait("install_horizon", "configure_horizon")
        yield async_run("start_horizon", named("start_horizon", self.start))

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield the check of the port."""
        yield partial(ports.check_api, stack, self.name, self.prefix)

    def configure(self, stack: Stack) -> None:
        """Write the settings (0600), and make the static files from them.

        Scripts that enable panels run meanwhile, and what these need may not be there yet: then
        the files are made when horizon starts.
        """
        write_private(self.data(stack) / "local" / "__init__.py", "")
        write_private(self.data(stack) / "local" / "local_settings.py", self.local_settings(stack))
        if not self.panel_files(stack):
            self.make_static_files(stack)

    def make_static_files(self, stack: Stack) -> None:
        """Make the static files, and note what from."""
        venvs.see_shared_packages(stack, self.environment(stack))
        made_from = self.generation(stack)
        static, packages = self.static(stack), self.environment(stack).site_packages
        key, run = partial(self.static_files_key, stack), partial(self.run_django, stack)
        static_files.make(stack, static, packages, key, run)
        write_private(self.made_from(stack), made_from)

    def run_django(self, stack: Stack, *words: str) -> None:
        """Run a command of Django with the settings."""
        program = self.environment(stack).program("django-admin")
        stack.run([program, *words], env=self.environ(stack), cwd=self.data(stack))

    def static_files_key(self, stack: Stack) -> str:
        """Return what new static files follow from; empty if it is more than the packages."""
        made = self.environment(stack)
        has_more = self.panel_files(stack) or made.installed_trees.used()
        contents = "" if has_more else made.contents()
        return digest(contents, _SETTINGS, static_files.VERSION) if contents else ""

    def make_static_files_current(self, stack: Stack) -> None:
        """Use the panels that scripts have enabled, which may have static files."""
        self.use_panels(stack)
        if conf_files.read(self.made_from(stack)) != self.generation(stack):
            self.make_static_files(stack)

    def use_panels(self, stack: Stack) -> None:
        """Let horizon read the directory `local` in which scripts enable panels."""
        theirs = self.panels(stack)
        shared_directory(stack.settings, theirs / "enabled")
        ours = self.environment(stack).site_packages / "openstack_dashboard" / "local"
        if not theirs.is_dir() or not os.path.lexists(ours):
            return
        if ours.exists() and ours.samefile(theirs):
            return
        if ours.is_symlink():
            ours.unlink()
        else:
            shutil.rmtree(ours)
        ours.symlink_to(theirs)

    def is_configured(self, stack: Stack) -> bool:
        """Return whether the settings and the list of compressed files are there."""
        manifest = self.static(stack) / "dashboard" / "manifest.json"
        settings = self.data(stack) / "local" / "local_settings.py"
        return settings.is_file() and manifest.is_file()

    def start(self, stack: Stack) -> None:
        """Start horizon, restart it if it runs from something else, and wait for its answer."""
        venvs.see_shared_packages(stack, self.environment(stack))
        self.make_static_files_current(stack)
        service = self.wsgi_service(stack)
        serve(stack, service)
        address = (service.host, service.port)
        has_form = partial(health.has_text, address, _LOGIN, "csrfmiddlewaretoken")
        health.wait_until(stack, self.name, has_form, f"{service.host}:{service.port}{_LOGIN}")

    def stop(self, stack: Stack) -> None:
        """Stop horizon; nothing happens if it does not run."""
        stack.stop_process(self.name)

    def paths(self, stack: Stack) -> tuple[Path, ...]:
        """Return the directory of the settings and the static files."""
        return (self.data(stack),)

    def generation(self, stack: Stack) -> str:
        """Return what the static files, and a running horizon, must be made from."""
        files = self.panel_files(stack)
        panels = (f"{path.name}\n{path.read_text(encoding='utf-8')}" for path in files)
        made = self.environment(stack)
        trees = filter(None, [made.installed_trees.static()])
        return digest(made.digest(), self.local_settings(stack), *panels, *trees)

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how it is served."""
        return WsgiService(
            self.name,
            "openstack_dashboard.wsgi:application",
            self.environment(stack),
            stack.settings["HORIZON_SERVICE_HOST"],
            stack.settings.port("HORIZON_SERVICE_PORT"),
            # Nothing reads the generation: another value restarts the service.
            {**self.environ(stack), "HORIZON_GENERATION": self.generation(stack)},
            options=("--static-map", f"/static={self.static(stack)}"),
        )

    def environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of horizon and of its tools."""
        # Horizon imports `local.local_settings`; ours comes before the one in its package.
        return {
            **venvs.environ(stack),
            "DJANGO_SETTINGS_MODULE": "openstack_dashboard.settings",
            "PYTHONPATH": str(self.data(stack)),
        }

    def local_settings(self, stack: Stack) -> str:
        """Return the text of local_settings.py."""
        return _SETTINGS.format(
            key=stack.password("HORIZON_SECRET_KEY"),
            keystone=stack.settings["KEYSTONE_SERVICE_URI_V3"],
            region=stack.settings["REGION_NAME"],
            static=str(self.static(stack)),
        )

    def panels(self, stack: Stack) -> Path:
        """Return the directory `local` of DevStack's $HORIZON_DIR."""
        tree = stack.settings.get("HORIZON_DIR") or str(stack.dest / "horizon")
        return Path(tree) / "openstack_dashboard" / "local"

    def panel_files(self, stack: Stack) -> list[Path]:
        """Return the files by which scripts have enabled panels, or changed settings."""
        local = self.panels(stack)
        return sorted(path for place in _PLACES for path in (local / place).glob("*.py"))

    def made_from(self, stack: Stack) -> Path:
        """Return the file that says what the static files were made from."""
        return self.data(stack) / "generation"

    def static(self, stack: Stack) -> Path:
        """Return the directory of the static files."""
        return self.data(stack) / "static"


plugin = Horizon()
