"""Swift: its proxy and one server each for accounts, containers and objects.

The files of configuration are written by `conf`, the rings by `rings`.
"""

from collections.abc import Iterator
from functools import partial
from importlib.resources import files

from doitstack import Settings, Stack, Step, async_run, async_wait, hookimpl, run
from doitstack.config.dest_directory import discard
from doitstack.private_files import private_directory
from doitstack.uptodate import Unchanged, digest
from doitstack.venvs import Environment, remove
from doitstack_plugins.backing import debian_packages
from doitstack_plugins.keystone import service_accounts
from doitstack_plugins.shared import conf_files, health, ports, required_services, venvs
from doitstack_plugins.swift import conf

_FUTURES = ("install_swift", "init_swift", "create_swift_accounts")


@hookimpl
def source(settings: Settings) -> None:
    """Set the defaults of DevStack's lib/swift."""
    conf_files.set_address(settings, "SWIFT", "8080")
    settings.default("ACCOUNT_PORT_BASE", "6612")
    settings.default("CONTAINER_PORT_BASE", "6611")
    settings.default("OBJECT_PORT_BASE", "6613")
    settings.default("SWIFT_CONF_DIR", f"{settings['DATA_DIR']}/swift/etc")


@hookimpl
def stack_pre_install(stack: Stack) -> Iterator[Step]:
    """See that swift can be served where it should be."""
    if is_wanted(stack):
        yield run(check_swift, only_looks=True)


@hookimpl
def stack_install(stack: Stack) -> Iterator[Step]:
    """Install swift and make its rings, which need no other service."""
    if not is_wanted(stack):
        return
    current = environment(stack).is_current
    first = venvs.first(stack)
    yield async_run("install_swift", install_swift, wait=first, uptodate=[current])
    good = [partial(has_rings, stack), Unchanged(partial(rings, stack))]
    # Swift's packages stand on a library of the system.
    wait = ["install_swift", debian_packages.FUTURE]
    yield async_run("init_swift", init_swift, wait=wait, uptodate=good)


@hookimpl
def stack_post_config(stack: Stack) -> Iterator[Step]:
    """Configure swift and make its accounts."""
    if not is_wanted(stack):
        return
    yield run(conf.configure_swift)
    good = Unchanged(partial(accounts, stack))
    yield async_run("create_swift_accounts", create_swift_accounts, uptodate=[good])


@hookimpl
def stack_extra(stack: Stack) -> Iterator[Step]:
    """Have swift served."""
    if is_wanted(stack):
        yield async_wait(*_FUTURES)
        yield async_run("start_swift", start_swift)


@hookimpl
def unstack(stack: Stack) -> Iterator[Step]:
    """Stop swift, also one that an earlier ENABLED_SERVICES has started."""
    yield run(stop_swift)


@hookimpl
def clean(stack: Stack) -> Iterator[Step]:
    """Remove what swift made."""
    yield run(clean_swift)


def is_wanted(stack: Stack) -> bool:
    """Return whether the stack has a swift; its parts are of use together only."""
    return stack.is_service_enabled("s-proxy")


def environment(stack: Stack) -> Environment:
    """Return swift's virtual environment."""
    return venvs.service_environment(stack, "swift", "swift", "keystonemiddleware")


def check_swift(stack: Stack) -> None:
    """Raise where swift cannot be served, or lacks a part or a service."""
    host = stack.settings["SWIFT_SERVICE_HOST"]
    required_services.check_all(
        partial(
            required_services.check, stack, "s-proxy", "key", "s-object", "s-container", "s-account"
        ),
        *(
            partial(ports.check_port, stack, server.name, host, server.port_setting)
            for server in conf.SERVERS
        ),
    )


def install_swift(stack: Stack) -> None:
    """Make the environment."""
    venvs.install(stack, environment(stack))


def init_swift(stack: Stack) -> None:
    """Make the rings and the device that they are of."""
    directory = private_directory(conf.directory(stack))
    private_directory(conf.devices(stack) / conf.DEVICE)
    script = str(files("doitstack_plugins") / "swift_rings.py")
    host, *numbers = _places(stack)
    words = [script, str(directory), host, conf.DEVICE, *numbers]
    # The script lies among our plugins, which must not stand for modules of the same names.
    stack.run([environment(stack).python, "-I", *words], env=venvs.environ(stack))


def has_rings(stack: Stack) -> bool:
    """Return whether all three rings are there."""
    names = ("account", "container", "object")
    return all((conf.directory(stack) / f"{name}.ring.gz").is_file() for name in names)


def create_swift_accounts(stack: Stack) -> None:
    """Make swift's user and its place in the catalog."""
    url = f"{stack.settings['SWIFT_SERVICE_URI']}/v1/AUTH_$(project_id)s"
    service_accounts.create(stack, "swift", "object-store", "swift", url)


def start_swift(stack: Stack) -> None:
    """Have the four servers run, anew where they run from other files, and answer."""
    for server in conf.SERVERS:
        path = conf.path(stack, server)
        # Nobody reads the variable: another value restarts the server.
        generation = digest(rings(stack), conf_files.read(path))
        env = {**venvs.environ(stack), "SWIFT_GENERATION": generation}
        argv = [environment(stack).program(server.program), str(path), "-v"]
        with stack.timed("run_process"):
            stack.run_process(server.name, argv, env=env, wait=False)
    host = stack.settings["SWIFT_SERVICE_HOST"]
    for server in conf.SERVERS:
        address = (host, stack.settings.port(server.port_setting))
        is_healthy = partial(health.has_text, address, "/healthcheck", "OK")
        health.wait_until(stack, server.name, is_healthy, f"{address[0]}:{address[1]}/healthcheck")


def stop_swift(stack: Stack) -> None:
    """Stop the servers."""
    stack.stop_process(*(server.name for server in conf.SERVERS))


def clean_swift(stack: Stack) -> None:
    """Remove the environment, the configuration and all objects."""
    remove(environment(stack))
    discard(stack.settings, conf.directory(stack), stack.data_dir / "swift")


def accounts(stack: Stack) -> str:
    """Return what the accounts were made from."""
    return service_accounts.key(stack, stack.settings["SWIFT_SERVICE_URI"])


def rings(stack: Stack) -> str:
    """Return what the rings were made from."""
    return digest(environment(stack).digest(), *_places(stack))


def _places(stack: Stack) -> list[str]:
    """Return the address of the servers, and the ports of those that have a ring."""
    settings = ("ACCOUNT_PORT_BASE", "CONTAINER_PORT_BASE", "OBJECT_PORT_BASE")
    numbers = (str(stack.settings.port(name)) for name in settings)
    return [stack.settings["SWIFT_SERVICE_HOST"], *numbers]
