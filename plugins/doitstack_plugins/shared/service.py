"""The base of services: each is checked, installed, stopped and removed.

`ApiService` builds on it; a service with processes of another kind (Swift) uses it as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from doitstack import Settings, Stack, Step, async_run, hookimpl, run, warm
from doitstack.config import files_of_settings
from doitstack.config.dest_directory import discard
from doitstack.config.settings import SettingCheck
from doitstack.venvs import Environment
from doitstack_plugins.shared import required_services, venvs, warm_managers

Action = Callable[[Stack], None]


class Service:
    """A service in its own virtual environment. Subclass it, and register an instance.

    A hook that you override needs `@hookimpl` again.
    """

    name: str
    """The name in steps, in directories and, in capitals, in settings: `glance`."""

    services: tuple[str, ...]
    """The names in ENABLED_SERVICES that enable it; messages use the first."""

    known_services: tuple[str, ...] = ()
    """Other names in ENABLED_SERVICES that it uses."""

    configuration_files: tuple[str, ...] = ()
    """Patterns of the names of its files of configuration; DevStack has them in `/etc/NAME`."""

    requirements: tuple[str, ...] = ()
    """The packages to install into its environment; without any it has none."""

    needs: tuple[str, ...] = ("key",)
    """The services that must also be enabled."""

    manage: str = ""
    """The program that migrates its database: `glance-manage`; imported once for all calls."""

    manage_modules: tuple[str, ...] = ()
    """The modules that calls of `manage` import."""

    parent_name: str = ""
    """The name of the program `parent`, if there may be one."""

    # -- hooks ---------------------------------------------------------------------------------

    @hookimpl
    def stack_pre_install(self, stack: Stack) -> Iterator[Step]:
        """Check that it can be stacked."""
        yield run(named(f"check_{self.name}", self.check), only_looks=True)

    @hookimpl
    def stack_install(self, stack: Stack) -> Iterator[Step]:
        """Install it in the background."""
        yield self.install_step(stack, wait=self.install_waits(stack))

    @hookimpl
    def unstack(self, stack: Stack) -> Iterator[Step]:
        """Stop it, also if an earlier ENABLED_SERVICES started it."""
        yield run(named(f"stop_{self.name}", self.stop))

    @hookimpl
    def clean(self, stack: Stack) -> Iterator[Step]:
        """Remove what it made."""
        yield run(named(f"clean_{self.name}", self.remove))

    # -- actions -------------------------------------------------------------------------------

    def check(self, stack: Stack) -> None:
        """Raise an error that names everything that is missing or in the way."""
        needs = partial(required_services.check, stack, self.services[0], *self.needs)
        required_services.check_all(needs, *self.checks(stack))

    def install(self, stack: Stack) -> None:
        """Make the environment."""
        venvs.install(stack, self.environment(stack))
        if self.manage and self.needs_manager(stack):
            warm.offer(stack, self.manager(stack))
        if (parent := self.parent(stack)) and not self.environment(stack).code_to_run():
            warm.offer(stack, parent)

    def stop(self, stack: Stack) -> None:
        """Stop its processes, if any run."""
        raise NotImplementedError

    def remove(self, stack: Stack) -> None:
        """Remove the environment, the configuration and the data."""
        venvs.remove(stack, self.environment(stack))
        # An earlier configuration may have had others.
        warm.withdraw(stack, *filter(None, (self.manage, self.parent_name)))
        discard(stack.settings, *self.paths(stack))

    # -- for the actions -----------------------------------------------------------------------

    @property
    def checked_settings(self) -> Mapping[str, SettingCheck]:
        """How its settings are checked before anything runs, by their names."""
        return {
            "UPPER_CONSTRAINTS_FILE": files_of_settings.file_or_url,
            f"{self.prefix}_SERVICE_HOST": Settings.host,
            f"{self.prefix}_SERVICE_PORT": Settings.port,
            f"{self.prefix}_SERVICE_URI": Settings.urls,
            f"{self.prefix}_CONF_DIR": Settings.absolute_path,
        }

    @property
    def prefix(self) -> str:
        """The prefix of the names of its settings: `GLANCE`."""
        return self.name.upper()

    def install_step(self, stack: Stack, *, wait: Sequence[str]) -> Step:
        """Return the step that installs it after the futures `wait`."""
        name, current = f"install_{self.name}", self.environment(stack).is_current
        return async_run(name, named(name, self.install), wait=wait, uptodate=[current])

    def install_waits(self, stack: Stack) -> list[str]:
        """Return the futures after which it is installed."""
        return venvs.installs_after(stack, self.name)

    def checks(self, stack: Stack) -> Iterator[required_services.Check]:
        """Yield further checks, each of which raises a DoitstackError."""
        yield from ()

    def environment(self, stack: Stack) -> Environment:
        """Return its virtual environment, `$DEST/venvs/NAME`."""
        return venvs.service_environment(stack, self.name, *self.requirements)

    def environments(self, stack: Stack) -> list[Environment]:
        """Return the environments that its processes run from, for lists."""
        return [self.environment(stack)] if self.requirements else []

    def manager(self, stack: Stack) -> warm.Program:
        """Return the program `manage`."""
        environment = self.environment(stack)
        return warm_managers.manager(stack, environment, self.manage, *self.manage_modules)

    def parent(self, stack: Stack) -> warm.Program | None:
        """Return a program besides `manage` of which processes are forks, if there is one.

        Its server is started as soon as it is installed, so that it has imported everything before
        they are started.
        """
        return None

    def needs_manager(self, stack: Stack) -> bool:
        """Return whether `manage` will be called, so that its server is started early."""
        return True

    def conf_dir(self, stack: Stack) -> Path:
        """Return the directory of its configuration: the setting NAME_CONF_DIR."""
        return stack.settings.path(f"{self.prefix}_CONF_DIR")

    def data(self, stack: Stack) -> Path:
        """Return the directory of its data, `$DATA_DIR/NAME`."""
        return stack.data_dir / self.name

    def paths(self, stack: Stack) -> tuple[Path, ...]:
        """Return what `doit clean` removes besides the environment."""
        return (self.conf_dir(stack), self.data(stack))


def named(name: str, method: Action) -> Action:
    """Return `method` with another name, which lists and logs show."""

    def action(stack: Stack) -> None:
        method(stack)

    action.__name__ = action.__qualname__ = name
    return action
