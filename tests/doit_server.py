"""A fork server of `doit`: a test's run begins with all modules imported, in half the CPU time.

The server is the one that doitstack has for `openstack`. It runs a call as the command itself
would, or leaves it to the command. But the call has another pid than its client, and the server's
variables in /proc: tests of processes, signals and terminals use the command.
"""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import fork_server
from fork_server import Options, Preparation
from tests.served_tool import until


@contextmanager
def served(doit: str, directory: Path, stack: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """Serve `doit` until the end of the block; yield the client's path.

    The server imports what a run of `stack` imports. Its files are in `directory`.
    """
    if not fork_server.is_supported():
        yield doit
        return
    options = Options(
        doit,
        str(directory / "sockets"),
        "doit",
        fork_server.stamp(doit),
        Preparation(
            preload=("doitstack.cli.run",),
            rehearsals=(("stack",),),
            indifferent=("multiprocessing.process",),
        ),
    )
    client, log = directory / "doit", directory / "log"
    fork_server.install_client(options, client)
    with log.open("wb") as output:
        server = subprocess.Popen(
            fork_server.server_command(options, sys.executable),
            cwd=stack,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        until(lambda: fork_server.is_ready(options) or server.poll() is not None, log)
        yield str(client)
    finally:
        server.kill()
        server.wait()
