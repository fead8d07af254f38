"""The steps that run doit on the other hosts of a stack, side by side with this one."""

from collections.abc import Iterator

from doitstack.config.hosts import Host, other_hosts
from doitstack.config.settings import Settings
from doitstack.phases import Phase
from doitstack.planning.plan import HOSTS, Declared
from doitstack.steps import DoitOnHost, Kind, Step, async_wait

_DOWN = {Phase.UNSTACK: "unstack", Phase.CLEAN: "clean"}


def runs_before(phase: Phase, settings: Settings) -> Iterator[Declared]:
    """Yield the futures `stack@HOST`, which begin with the first phase of a stack."""
    if phase is Phase.PRE_INSTALL:
        yield from _declared(phase, [_future("stack", host) for host in other_hosts(settings)])


def runs_after(phase: Phase, settings: Settings) -> Iterator[Declared]:
    """Yield the waits for the other hosts: at the end of `extra`, and of a teardown's phases."""
    hosts = other_hosts(settings)
    if phase is Phase.EXTRA and hosts:
        yield from _declared(phase, [async_wait(*(f"stack@{host.name}" for host in hosts))])
    if (command := _DOWN.get(phase)) and hosts:
        futures = [_future(command, host) for host in hosts]
        waits = [async_wait(future.name) for future in futures]
        yield from _declared(phase, [*futures, *waits])


def _declared(phase: Phase, steps: list[Step]) -> Iterator[Declared]:
    if steps:
        yield Declared(phase, HOSTS, steps)


def _future(command: str, host: Host) -> Step:
    return Step(Kind.ASYNC_RUN, f"{command}@{host.name}", DoitOnHost(host.name, command), timeout=0)
