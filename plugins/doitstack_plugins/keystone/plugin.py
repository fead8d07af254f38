"""Keystone: installed, configured, bootstrapped, served, with DevStack's accounts.

Its configuration and keys are in KEYSTONE_CONF_DIR.
"""

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.cloud import ADMIN_PASSWORD, import_sdk
from doitstack.config.addresses import url_host
from doitstack.config.settings import SettingCheck
from doitstack.private_files import write_private
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import mariadb, memcached
from doitstack_plugins.keystone import openstack_command
from doitstack_plugins.keystone.accounts import account_steps
from doitstack_plugins.keystone.clouds import clouds_yaml, openrc, write_clouds
from doitstack_plugins.shared import conf_files, fetched_trees, venvs
from doitstack_plugins.shared.api_service import ApiService
from doitstack_plugins.shared.conf_files import Sections
from doitstack_plugins.shared.service import named
from doitstack_plugins.shared.uwsgi import WsgiService, serve

_BOOTSTRAP = "keystone/cmd/bootstrap.py"
"""The file of a tree that says what the bootstrap makes."""


class Keystone(ApiService):
    """Keystone, which others need before they have accounts: it is started in post-config."""

    name = "keystone"
    services = ("key",)
    configuration_files = ("keystone.conf",)
    # With the `openstack` command for all services.
    requirements = ("keystone", "python-openstackclient", "osc-placement")
    needs = ()
    process = "keystone"
    wsgi = "keystone.wsgi.api:application"
    version_path = "/v3"
    version_key = "version"
    manage = "keystone-manage"
    manage_modules = ("keystone.cmd.manage", "keystone.server.flask")
    keeps_schema = True

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/keystone. Raises SettingsError for a bad port."""
        host = settings.default("KEYSTONE_SERVICE_HOST", settings["SERVICE_HOST"])
        protocol = settings.default("SERVICE_PROTOCOL", "http")
        protocol = settings.default("KEYSTONE_SERVICE_PROTOCOL", protocol)
        settings.default("KEYSTONE_SERVICE_PORT", "5000")
        port = settings.port("KEYSTONE_SERVICE_PORT")
        uri = settings.default("KEYSTONE_SERVICE_URI", f"{protocol}://{url_host(host)}:{port}")
        settings.default("KEYSTONE_SERVICE_URI_V3", f"{uri}/v3")
        settings.default("KEYSTONE_AUTH_URI", uri)
        settings.default("KEYSTONE_CONF_DIR", f"{settings['DATA_DIR']}/keystone/etc")
        settings.default("SERVICE_PROJECT_NAME", "service")
        settings.default("SERVICE_DOMAIN_NAME", "Default")

    @hookimpl
    def stack_pre_install(self, stack: Stack) -> Iterator[Step]:
        """Check that keystone can be served."""
        yield run(named("check_keystone_port", self.check), only_looks=True)

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Install keystone, what serves it, and the `openstack` command."""
        here = self.environment(stack)
        yield self.install_step(stack, wait=fetched_trees.futures(stack, self.name))
        yield run(named("configure_keystone", self.configure))
        start = partial(openstack_command.warm_openstack, environment=here)
        yield async_run("warm_openstack", start, wait=[venvs.KEYSTONE_INSTALL])

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Configure, bootstrap and serve keystone, then make the accounts."""

        def unchanged() -> Unchanged:
            return Unchanged(partial(self.configuration, stack))

        yield run(self.fernet_setup, uptodate=[partial(self.has_keys, stack, "fernet")])
        yield run(self.credential_setup, uptodate=[partial(self.has_keys, stack, "credential")])
        yield async_wait(venvs.KEYSTONE_INSTALL)
        # Not before: its server depends on source trees, which may not have been fetched yet.
        put = partial(openstack_command.put_openstack, environment=self.environment(stack))
        yield run(put)
        good = Unchanged(partial(self.schema, stack))
        yield run(named("init_keystone", self.init), uptodate=[good])
        # It starts up during the next two; the accounts' futures are forked with the SDK loaded.
        yield run(named("start_keystone", self.start))
        good = Unchanged(partial(self.bootstrapped_by, stack), partial(self.configuration, stack))
        yield run(named("bootstrap_keystone", self.bootstrap), uptodate=[good])
        # If these are enabled, repeated stacks ask them, too: in nova, cinder and tempest.
        others = stack.is_service_enabled("c-api", "g-api", "n-api", "neutron")
        yield run(import_sdk, uptodate=[] if others else [unchanged()])
        yield run(named("wait_for_keystone", self.wait_for_api))
        yield from account_steps(unchanged)
        yield run(write_clouds)

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Restart keystone if its configuration has changed since it was started."""
        yield run(named("restart_keystone", self.restart))

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Check that the server of the `openstack` command has been started."""
        yield async_wait("warm_openstack")

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            "KEYSTONE_SERVICE_URI_V3": Settings.urls,
            "KEYSTONE_AUTH_URI": Settings.urls,
            "KEYSTONE_SERVICE_PROTOCOL": _check_protocol,
        }

    def fernet_setup(self, stack: Stack) -> None:
        """Make the keys of tokens."""
        self._make_keys(stack, "fernet")

    def credential_setup(self, stack: Stack) -> None:
        """Make the keys of stored credentials."""
        self._make_keys(stack, "credential")

    def needs_manager(self, stack: Stack) -> bool:
        """Return True: it makes the first accounts."""
        return True

    def has_keys(self, stack: Stack, kind: str) -> bool:
        """Return whether the `fernet` or `credential` keys are there, staged and primary."""
        keys = self.conf_dir(stack) / f"{kind}-keys"
        return all((keys / number).is_file() for number in "01")

    def bootstrap(self, stack: Stack) -> None:
        """Make the administrator, the first roles, and keystone's own endpoint."""
        arguments = {
            "username": "admin",
            "project-name": "admin",
            "role-name": "admin",
            "service-name": "keystone",
            "region-id": stack.settings["REGION_NAME"],
            "public-url": self.uri(stack),
        }
        words = [f"--bootstrap-{name}={value}" for name, value in arguments.items()]
        # By the environment: everybody can read a command line.
        secret = {"OS_BOOTSTRAP_PASSWORD": stack.password(ADMIN_PASSWORD)}
        self.run_manager(stack, "bootstrap", *words, env=secret)

    def start(self, stack: Stack) -> None:
        """Serve keystone; restart it if it runs from something else. Does not wait."""
        venvs.see_shared_packages(stack, self.environment(stack))
        serve(stack, self.wsgi_service(stack))

    def restart(self, stack: Stack) -> None:
        """Restart keystone if it runs from something else, and wait until it answers."""
        self.start(stack)
        self.wait_for_api(stack)

    def remove(self, stack: Stack) -> None:
        """Remove the environment, the database, the configuration with its keys, clouds.yaml."""
        super().remove(stack)
        warm.withdraw(stack, openstack_command.NAME)

    def paths(self, stack: Stack) -> tuple[Path, ...]:
        """Return what `doit clean` removes besides the environment."""
        return (*super().paths(stack), clouds_yaml(stack), openrc(stack))

    def bootstrapped_by(self, stack: Stack) -> str:
        """Return the code of the bootstrap: another version makes other roles."""
        made = self.environment(stack)
        files = (tree.directory / _BOOTSTRAP for tree in made.installed_trees.used())
        texts = (path.read_text(encoding="utf-8") for path in files if path.is_file())
        return digest(made.digest_of_wheels(), *texts)

    def configuration(self, stack: Stack) -> str:
        """Return what the accounts and a running keystone must be made from."""
        return digest(
            mariadb.schema_key(stack, self.name),
            conf_files.text(self.conf(stack)),
            stack.password(ADMIN_PASSWORD),
            _named(stack),
        )

    def wsgi_environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of the API."""
        return {
            **super().wsgi_environ(stack),
            "OS_KEYSTONE_CONFIG_FILES": "keystone.conf",
            # Nothing reads it: if other sections are merged, keystone is restarted.
            "KEYSTONE_CONF_DIGEST": digest(conf_files.read(self.conf_dir(stack) / "keystone.conf")),
            # It lists implied roles by rows that the database removes with a role.
            **({} if mariadb.is_mysql(stack) else {"DOITSTACK_SQLITE_FOREIGN_KEYS": "1"}),
        }

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served."""
        served = super().wsgi_service(stack)
        return replace(served, processes=_processes(stack), forked_from=self.manager(stack))

    def conf(self, stack: Stack) -> Sections:
        """Return keystone.conf."""
        directory = self.conf_dir(stack)
        keys = f"{directory}/fernet-keys"
        return {
            "DEFAULT": {"public_endpoint": self.uri(stack)},
            "database": mariadb.options(stack, "keystone"),
            "token": {"provider": "fernet"},
            "fernet_tokens": {"key_repository": keys},
            "fernet_receipts": {"key_repository": keys},
            "credential": {"key_repository": f"{directory}/credential-keys"},
            # The default takes 0.4 s of CPU for each password that is checked.
            "identity": {"password_hash_rounds": "4"},
            "cache": _cache(stack),
        }

    def _make_keys(self, stack: Stack, kind: str) -> None:
        """Make a primary and a staged key, as `keystone-manage fernet_setup` does in 3 s of CPU."""
        for number in "10":
            key = base64.urlsafe_b64encode(os.urandom(32)).decode()
            write_private(self.conf_dir(stack) / f"{kind}-keys" / number, key)


def _check_protocol(settings: Settings, name: str) -> None:
    if settings[name] != "http":
        raise settings.mistake(name, "only http is served; set http")


def _named(stack: Stack) -> str:
    names = ("KEYSTONE_SERVICE_URI", "REGION_NAME", "SERVICE_PROJECT_NAME", "SERVICE_DOMAIN_NAME")
    return digest(*(stack.settings[name] for name in names))


def _cache(stack: Stack) -> dict[str, str]:
    """Return the options of the cache: memcached if several processes share it, else memory."""
    if _processes(stack) == 1:
        return {"enabled": "true", "backend": "dogpile.cache.memory"}
    servers = {"memcache_servers": memcached.oslo_server(stack)}
    return {"enabled": "true", "backend": "oslo_cache.memcache_pool", **servers}


def _processes(stack: Stack) -> int:
    """Return how many processes serve keystone: SQLite allows only one writer."""
    return 2 if mariadb.is_mysql(stack) else 1


plugin = Keystone()
