"""supervisord, which also adopts and waits for what its programs leave behind.

A service may be a fork of the server of another program (see `warm`), and then has no parent of its
own. So it stays below supervisord in the tree of processes, and its CPU time counts there.
"""

from supervisor import supervisord
from supervisor.options import ServerOptions

from doitstack.processes.prctl import adopt_orphans


class _Options(ServerOptions):  # type: ignore[misc]  # it carries no types
    def daemonize(self) -> None:
        super().daemonize()
        adopt_orphans()  # of the process that supervisord is from now on


if __name__ == "__main__":
    supervisord.ServerOptions = _Options
    supervisord.main()
