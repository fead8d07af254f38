"""Swift: its proxy and one server each for accounts, containers and objects.

The files of configuration are written by `conf`, the rings by `rings`.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.addresses import socket_host, url_host
from doitstack.config.settings import SettingCheck
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files, health, ports, venvs
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import Service, named
from doitstack_plugins.swift import conf

_PORTS_OF_RINGS = ("ACCOUNT_PORT_BASE", "CONTAINER_PORT_BASE", "OBJECT_PORT_BASE")


class Swift(Service):
    """Swift. Its parts are of use only together."""

    name = "swift"
    services = ("s-proxy",)
    known_services = ("swift", "s-object", "s-container", "s-account")
    configuration_files = ("swift.conf", "*-server.conf")
    needs = ("key", "s-object", "s-container", "s-account")
    requirements = ("swift", "keystonemiddleware")

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of DevStack's lib/swift."""
        conf_files.set_address(settings, "SWIFT", "8080")
        settings.default("ACCOUNT_PORT_BASE", "6612")
        settings.default("CONTAINER_PORT_BASE", "6611")
        settings.default("OBJECT_PORT_BASE", "6613")
        settings.default("SWIFT_CONF_DIR", f"{settings['DATA_DIR']}/swift/etc")

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Install swift and make its rings, which need no other service."""
        yield from super().stack_install(stack)
        yield run(conf.configure_swift)
        good = [partial(has_rings, stack), Unchanged(partial(self.rings, stack))]
        # Swift's packages use a library of the system.
        wait = ["install_swift", debian_packages.FUTURE]
        yield async_run("init_swift", named("init_swift", self.init), wait=wait, uptodate=good)

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Make swift's accounts."""
        good = Unchanged(partial(accounts, stack))
        yield async_run("create_swift_accounts", create_swift_accounts, uptodate=[good])

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Start swift."""
        yield async_wait("install_swift", "init_swift", "create_swift_accounts")
        yield async_run("start_swift", named("start_swift", self.start))

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked, by their names."""
        return {
            **super().checked_settings,
            **dict.fromkeys(_PORTS_OF_RINGS, Settings.port),
        }

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield the checks of the servers' ports."""
        host = stack.settings["SWIFT_SERVICE_HOST"]
        for server in conf.SERVERS:
            yield partial(ports.check_port, stack, server.name, host, server.port_setting)

    def init(self, stack: Stack) -> None:
        """Make the rings and their device."""
        directory = private_directory(conf.directory(stack))
        private_directory(conf.devices(stack) / conf.DEVICE)
        script = Path(__file__).with_name("rings.py")
        host, *numbers = _addresses(stack)
        words = [str(script), str(directory), host, conf.DEVICE, *numbers]
        # The script is next to our plugins, which must not hide modules of the same names.
        python = self.environment(stack).python
        stack.run([python, "-I", *words], env=venvs.environ(stack))

    def start(self, stack: Stack) -> None:
        """Start the four servers, restart those that run from other files, and wait for them."""
        venvs.see_shared_packages(stack, self.environment(stack))
        code = self.environment(stack).code_to_run()
        for server in conf.SERVERS:
            path = conf.path(stack, server)
            # Nothing reads the variable: another value restarts the server.
            generation = digest(self.rings(stack), conf_files.read(path))
            env = {**venvs.environ(stack), "SWIFT_GENERATION": generation}
            argv = [self.environment(stack).program(server.program), str(path), "-v"]
            with stack.timed("run_process"):
                stack.run_process(server.name, argv, env=env, wait=False, code=code)
        host = stack.settings["SWIFT_SERVICE_HOST"]
        for server in conf.SERVERS:
            port = stack.settings.port(server.port_setting)
            is_healthy = partial(health.has_text, (host, port), "/healthcheck", "OK")
            where = f"{url_host(host)}:{port}/healthcheck"
            health.wait_until(stack, server.name, is_healthy, where)

    def stop(self, stack: Stack) -> None:
        """Stop the servers."""
        stack.stop_process(*(server.name for server in conf.SERVERS))

    def rings(self, stack: Stack) -> str:
        """Return what the rings were made from."""
        return digest(self.environment(stack).digest_of_wheels(), *_addresses(stack))


def has_rings(stack: Stack) -> bool:
    """Return whether all three rings are there."""
    names = ("account", "container", "object")
    return all((conf.directory(stack) / f"{name}.ring.gz").is_file() for name in names)


def create_swift_accounts(stack: Stack) -> None:
    """Make swift's user and its place in the catalog."""
    url = f"{stack.settings['SWIFT_SERVICE_URI']}/v1/AUTH_$(project_id)s"
    service_accounts.create(stack, "swift", "object-store", "swift", url)


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["SWIFT_SERVICE_URI"])


def _addresses(stack: Stack) -> list[str]:
    """Return the address of the servers, and the ports of those that have a ring."""
    numbers = (str(stack.settings.port(name)) for name in _PORTS_OF_RINGS)
    return [socket_host(stack.settings["SWIFT_SERVICE_HOST"]), *numbers]


plugin = Swift()
