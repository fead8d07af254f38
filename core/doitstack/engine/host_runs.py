"""The runs on other hosts, as the run here begins them and learns of them."""

import os
from collections.abc import Callable
from functools import partial

from doitstack.config.hosts import CONTROLLER, other_hosts
from doitstack.errors import StepError
from doitstack.futures.future import Future
from doitstack.futures.other_hosts import CHANNEL_VARIABLE, OtherHosts
from doitstack.futures.registry import FutureRegistry
from doitstack.futures.run_context import RunContext
from doitstack.hosts.doit_on_host import doit_on_host
from doitstack.stack import Stack
from doitstack.steps import DoitOnHost, Step


class HostRuns:
    """The runs on the other hosts of a stack.

    Attributes:
        ends: what is known of the futures there.
    """

    def __init__(self, context: RunContext, stack: Stack, futures: FutureRegistry) -> None:
        self._stack = stack
        self._futures = futures
        self._hosts = {host.name: host for host in other_hosts(stack.settings)}
        channel = os.environ.pop(CHANNEL_VARIABLE, "")
        known = stack.settings.get("ALL_HOSTS").replace(",", " ").split()
        self.ends = OtherHosts(
            context,
            futures,
            this_host=stack.settings["THIS_HOST"],
            hosts={CONTROLLER, *self._hosts, *known},
            channel=int(channel) if channel else None,
        )

    def start(self, future: Future, step: Step, in_child: Callable[..., object]) -> None:
        """Start a declared future whose work is done on another host.

        `in_child` calls a function as the action of a future.
        """
        if isinstance(step.action, DoitOnHost):
            work = self._work(future, step.action)
            self._futures.fork_when_possible(future, partial(in_child, work))
        else:
            self.ends.await_end(future)

    def _work(self, future: Future, action: DoitOnHost) -> Callable[[], None]:
        """Return what the process of a future does to run doit on another host."""
        host = self._hosts.get(action.host)
        if not host:
            raise StepError(f"there is no host {action.host} any more")
        channel = self.ends.connect(host.name, future) if action.command == "stack" else None
        return partial(doit_on_host, self._stack, host, (action.command,), channel)
