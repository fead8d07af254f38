"""The base of API services, for in-tree and third-party plugins: subclass `ApiService`.

It is part of the plugins, not of doitstack's core: it creates databases and accounts, and core
depends on no service. `docs/plugins.md` has a complete example.
"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run, warm
from doitstack.errors import CommandError, ServiceError
from doitstack.services.supervisord import STOP_SECONDS
from doitstack.uptodate import Unchanged, digest
from doitstack_plugins.backing import mariadb, rabbitmq, schemas
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files, ports, subnode, tree_daemons, venvs
from doitstack_plugins.shared.required_services import Check
from doitstack_plugins.shared.service import Service, named
from doitstack_plugins.shared.uwsgi import WsgiService, serve, wait_until_served


class ApiService(Service):
    """A service with an API (WSGI), a database, a user, and a place in the catalog.

    The phase `stack install` installs it, with its database, in the background, and configures it.
    `stack post-config` creates its accounts in the background, `stack extra` starts it, and `stack
    test-config` waits until it works. A future that needs it earlier waits for `start_NAME`.
    A subclass sets the attributes, implements `conf`, and overrides methods if it differs.

    The hooks of the phases are the same everywhere. What they do on a controller alone, and what on
    a subnode, where only daemons of it run, is in methods that a subclass may override instead.
    """

    process: str
    """The name of the API's process, and of its log: `g-api`."""

    port: str
    """The default of the setting NAME_SERVICE_PORT."""

    wsgi: str
    """The application: `package.module:callable`."""

    catalog_type: str
    """The type in the catalog: `image`."""

    endpoint_path: str = ""
    """The path after NAME_SERVICE_URI in the endpoint of the catalog: `/v3`."""

    conf_name: str = ""
    """The name of the configuration file, by default NAME.conf."""

    migration: tuple[str, ...] = ("db_sync",)
    """The arguments with which `manage` migrates the database."""

    keeps_schema: bool = False
    """Whether `migrate` makes of a new database the same for all stacks: what is installed alone
    decides it, as long as nobody has changed the configuration. Then the schema is kept."""

    version_path: str = "/"
    version_key: str = "versions"
    """The API works if GET `version_path` answers with a JSON object that has `version_key`."""

    daemons: ClassVar[Mapping[str, str]] = {}
    """Processes without a port, each started if its service is enabled: name to program."""

    has_daemons_on_subnodes: bool = True
    """Whether some of them run on subnodes; else others use its environment there."""

    needed_on_controller: tuple[str, ...] = ()
    """The other services of the controller that its daemons on a subnode need."""

    # -- hooks ---------------------------------------------------------------------------------

    @hookimpl
    def source(self, settings: Settings) -> None:
        """Set the defaults of its address and its directory of configuration."""
        conf_files.set_address(settings, self.prefix, self.port)
        settings.default(f"{self.prefix}_CONF_DIR", f"{settings['DATA_DIR']}/{self.name}/etc")

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Install and configure it."""
        yield from super().stack_install(stack)
        is_subnode = subnode.is_subnode(stack.settings)
        if not is_subnode or self.has_daemons_on_subnodes:
            # Futures that read the files start after this, and sections of local.conf are merged
            # later.
            yield run(named(f"configure_{self.name}", self.configure))
        if not is_subnode:
            yield from self.install_on_controller(stack)

    @hookimpl
    def stack_post_config(self, stack: Stack) -> Iterator[Step]:
        """Prepare it for its start."""
        if not subnode.is_subnode(stack.settings):
            yield from self.post_config_on_controller(stack)

    @hookimpl
    def stack_extra(self, stack: Stack) -> Iterator[Step]:
        """Start it."""
        if not subnode.is_subnode(stack.settings):
            yield from self.extra_on_controller(stack)
        elif self.has_daemons_on_subnodes:
            yield from self.extra_on_subnode(stack)

    @hookimpl
    def stack_test_config(self, stack: Stack) -> Iterator[Step]:
        """Wait until it works, before tests use it."""
        if not subnode.is_subnode(stack.settings):
            yield from self.test_config_on_controller(stack)
        elif self.has_daemons_on_subnodes:
            yield from self.test_config_on_subnode(stack)

    # -- the phases on a controller, and on a subnode ------------------------------------------

    def install_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Make its database, which needs no other service."""
        name = f"init_{self.name}"
        yield async_run(
            name,
            named(name, self.init),
            wait=[f"install_{self.name}", *mariadb.waits(stack)],
            uptodate=[Unchanged(partial(self.schema, stack))],
        )

    def post_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Make its accounts."""
        name, good = f"create_{self.name}_accounts", Unchanged(partial(self.accounts, stack))
        yield async_run(name, named(name, self.create_accounts), uptodate=[good])

    def extra_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Start it."""
        name = self.name
        yield async_wait(f"install_{name}", f"init_{name}", f"create_{name}_accounts")
        yield self.start_step(stack)

    def test_config_on_controller(self, stack: Stack) -> Iterator[Step]:
        """Wait until it works."""
        yield async_wait(f"start_{self.name}")

    def extra_on_subnode(self, stack: Stack) -> Iterator[Step]:
        """Start its daemons, after what they need on the controller."""
        yield async_wait(f"install_{self.name}")
        yield from subnode.waits(
            stack, *(f"start_{name}" for name in (self.name, *self.needed_on_controller))
        )
        yield run(named(f"wait_for_{self.name}", self.wait_for_controller))
        yield self.start_step(stack)

    def test_config_on_subnode(self, stack: Stack) -> Iterator[Step]:
        """Wait until they work."""
        yield async_wait(f"start_{self.name}")

    def start_step(self, stack: Stack) -> Step:
        """Return the step that starts it."""
        name = f"start_{self.name}"
        return async_run(name, named(name, self._start), note=self.start_note(stack))

    def start_note(self, stack: Stack) -> str:
        """Return what the plan says about its start; by default, nothing."""
        return ""

    # -- what a service gives ------------------------------------------------------------------

    def conf(self, stack: Stack) -> conf_files.Sections:
        """Return the content of its configuration file: options by section."""
        raise NotImplementedError

    def migrate(self, stack: Stack) -> None:
        """Make the schema of the database, or bring it up to the installed version."""
        self.run_manager(stack, *self.migration)

    # -- actions -------------------------------------------------------------------------------

    def init(self, stack: Stack) -> None:
        """Make the database, or bring it up to the installed version."""
        source = self.schema_source(stack) if self.has_own_configuration(stack) else ""
        with mariadb.migrating(stack, self.name), self._telling_of_trees(stack):
            schemas.migrate(stack, self.name, source, partial(self.migrate, stack))

    @contextmanager
    def _telling_of_trees(self, stack: Stack) -> Iterator[None]:
        """Say what helps if a migration is not in the source tree any more."""
        try:
            yield
        except CommandError:
            if self.environment(stack).installed_trees.used():
                stack.say("if a migration was taken back: RECREATE_DB=True doit stack")
            raise

    def configure(self, stack: Stack) -> None:
        """Write the configuration (0600)."""
        for name, sections in self.files(stack).items():
            conf_files.write(self.conf_dir(stack) / name, sections)

    def _start(self, stack: Stack) -> None:
        """Start it. Scripts have installed their packages by now."""
        venvs.see_shared_packages(stack, self.environment(stack))
        self.start(stack)

    def create_accounts(self, stack: Stack) -> None:
        """Make its user, and its place in the catalog."""
        url = f"{self.uri(stack)}{self.endpoint_path}"
        service_accounts.create(stack, self.name, self.catalog_type, self.name, url)

    def start(self, stack: Stack) -> None:
        """Start its processes, restart those that run from something else, and wait for them."""
        is_up = self.serves_api(stack) and stack.services.is_up(self.process)
        code = self.environment(stack).code_to_run()
        tree_daemons.stop_outdated(stack, self.enabled_daemons(stack), code)
        if self.serves_api(stack):
            serve(stack, self.wsgi_service(stack))
        if is_up:
            # It may import new code: daemons that start would take the CPU from it.
            self.wait_for_api(stack)
        self.start_daemons(stack)
        if self.serves_api(stack):
            self.wait_for_api(stack)
        self.wait_for_daemons(stack)

    def wait_for_controller(self, stack: Stack) -> None:
        """Wait until what its daemons on a subnode need on the controller answers."""
        others = (name.upper() for name in self.needed_on_controller)
        wanted = subnode.apis(stack, "KEYSTONE", *others, self.prefix)
        subnode.wait_for(stack, {**wanted, **rabbitmq.listener(stack)})

    def start_daemons(self, stack: Stack) -> None:
        """Start the daemons that are enabled."""
        how: dict[str, Any] = {
            "env": self.environ(stack),
            "wait": False,
            "stop_seconds": self.stop_seconds(stack),
            "code": self.environment(stack).code_to_run(),
        }
        for name in self.enabled_daemons(stack):
            with stack.timed("run_process"):
                stack.run_process(name, self.daemon_command(stack, name), **how)

    def stop_seconds(self, stack: Stack) -> int:
        """Return the seconds in which a daemon may end when it is stopped."""
        return STOP_SECONDS

    def daemon_command(self, stack: Stack, name: str) -> list[str]:
        """Return the program and arguments of a daemon."""
        return [self.environment(stack).program(self.daemons[name]), *self.conf_options(stack)]

    def wait_for_api(self, stack: Stack) -> None:
        """Wait until the API answers. Raises ServiceError with its log if it does not."""
        wait_until_served(stack, self.wsgi_service(stack), self.version_path, self.version_key)

    def wait_for_daemons(self, stack: Stack) -> None:
        """Raise ServiceError if a daemon is dead; override it to check whether they work."""
        if dead := stack.dead_services(*self.enabled_daemons(stack)):
            raise ServiceError("\n".join(dead.values()))

    def stop(self, stack: Stack) -> None:
        """Stop its processes; nothing happens if none runs."""
        stack.stop_process(self.process, *self.daemons)

    # -- what they use -------------------------------------------------------------------------

    def checks(self, stack: Stack) -> Iterator[Check]:
        """Yield the checks of the API's port, and of what is enabled on a subnode."""
        yield partial(subnode.check_services, stack, self.services + self.known_services)
        if self.serves_api(stack):
            yield partial(ports.check_api, stack, self.process, self.prefix)

    def serves_api(self, stack: Stack) -> bool:
        """Return whether there is an API, not only daemons."""
        return not subnode.is_subnode(stack.settings)

    def enabled_daemons(self, stack: Stack) -> list[str]:
        """Return the names of the daemons that are enabled."""
        return [name for name in self.daemons if stack.is_service_enabled(name)]

    def uri(self, stack: Stack) -> str:
        """Return where the API is: the setting NAME_SERVICE_URI."""
        return stack.settings[f"{self.prefix}_SERVICE_URI"]

    def schema(self, stack: Stack) -> str:
        """Return what the schema was made from: the installed version and the database."""
        installed = self.environment(stack).digest_with_migrations()
        return digest(installed, mariadb.schema_key(stack, self.name))

    def schema_source(self, stack: Stack) -> str:
        """Return what the schema of a new database follows from; empty if it is not to be kept."""
        contents = self.environment(stack).contents() if self.keeps_schema else ""
        how = Path(inspect.getfile(type(self))).read_text(encoding="utf-8")
        return digest(contents, how) if contents else ""

    def has_own_configuration(self, stack: Stack) -> bool:
        """Return whether its files are as it writes them: nothing has been merged into them."""
        return all(
            conf_files.read(self.conf_dir(stack) / name) == conf_files.text(sections)
            for name, sections in self.files(stack).items()
        )

    def needs_manager(self, stack: Stack) -> bool:
        """Return whether `manage` is probably called; a subnode has no databases."""
        if subnode.is_subnode(stack.settings):
            return False
        return not schemas.is_kept(stack, self.name, self.schema_source(stack))

    def accounts(self, stack: Stack) -> str:
        """Return what the accounts were made from."""
        return service_accounts.key(stack, self.uri(stack))

    def generation(self, stack: Stack) -> str:
        """Return what running processes must be made from; they are restarted if it changes."""
        return digest(self.environment(stack).digest(), self.configuration(stack))

    def configuration(self, stack: Stack) -> str:
        """Return what it is configured with, whatever its code is: its files, its database."""
        texts = (conf_files.read(self.conf_dir(stack) / name) for name in self.files(stack))
        return digest(mariadb.schema_key(stack, self.name), *texts)

    def files(self, stack: Stack) -> Mapping[str, conf_files.Sections]:
        """Return the configuration files by their names, in the order in which they are read."""
        return {self.conf_name or f"{self.name}.conf": self.conf(stack)}

    def conf_options(self, stack: Stack) -> list[str]:
        """Return the arguments with which a program reads the configuration files."""
        return [f"--config-file={self.conf_dir(stack) / name}" for name in self.files(stack)]

    def run_manager(
        self, stack: Stack, *arguments: str, env: Mapping[str, str] | None = None
    ) -> None:
        """Run the program `manage` with the configuration. Raises CommandError."""
        manager, options = self.manager(stack), self.conf_options(stack)
        warm.call(stack, manager, *options, *arguments, env=env)

    def environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of its processes."""
        # Nothing reads the generation: another value restarts the process.
        return {**venvs.environ(stack), f"{self.prefix}_GENERATION": self.generation(stack)}

    def wsgi_environ(self, stack: Stack) -> dict[str, str]:
        """Return the environment variables of the API's process."""
        return {**self.environ(stack), f"OS_{self.prefix}_CONFIG_DIR": str(self.conf_dir(stack))}

    def wsgi_service(self, stack: Stack) -> WsgiService:
        """Return how the API is served."""
        host = stack.settings[f"{self.prefix}_SERVICE_HOST"]
        port = stack.settings.port(f"{self.prefix}_SERVICE_PORT")
        env = self.wsgi_environ(stack)
        return WsgiService(self.process, self.wsgi, self.environment(stack), host, port, env)
