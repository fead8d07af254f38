"""The steps that run doit on the other hosts of a stack, side by side with this one."""

from collections.abc import Iterable, Iterator

from doitstack.config.hosts import Host, other_hosts
from doitstack.config.settings import Settings
from doitstack.phases import Phase
from doitstack.planning.plan import HOSTS, Declared
from doitstack.steps import DoitOnHost, Kind, Step, async_wait

_DOWN = {Phase.UNSTACK: "unstack", Phase.CLEAN: "clean"}


def with_host_steps(
    phase: Phase, own: Iterable[Declared], settings: Settings
) -> Iterator[Declared]:
    """Yield the steps of a phase: those of this host, among the runs on the others.

    The futures `stack@HOST` begin with the first phase of a stack. They are waited for at the end
    of `extra`, and those of a teardown at the end of its phase.
    """
    hosts = other_hosts(settings)
    if not hosts:
        yield from own
        return
    if phase is Phase.PRE_INSTALL:
        yield Declared(phase, HOSTS, [_future("stack", host) for host in hosts])
    yield from own
    if phase is Phase.EXTRA:
        yield Declared(phase, HOSTS, [async_wait(*(f"stack@{host.name}" for host in hosts))])
    if command := _DOWN.get(phase):
        futures = [_future(command, host) for host in hosts]
        waits = [async_wait(future.name) for future in futures]
        yield Declared(phase, HOSTS, [*futures, *waits])


def _future(command: str, host: Host) -> Step:
    return Step(Kind.ASYNC_RUN, f"{command}@{host.name}", DoitOnHost(host.name, command), timeout=0)
