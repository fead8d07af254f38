"""The server as a process: import, listen, serve; and in a fork, run the program."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SOCK_STREAM, socket

from ..options import read_options
from ..protocol import open_directory, socket_path
from .eligibility import Eligibility, listings
from .preload import preload
from .server import Server
from .worker import Worker


def main(words: str) -> None:
    """Serve by the options in `words`; end when idle; restart when the program changes."""
    options = read_options(words)
    directory = open_directory(options.directory)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in the terminal is for others
    # Where Python would look first if it ran the script itself.
    sys.path[0] = str(Path(options.script).parent)
    sys.argv = [options.script]
    preparation = options.preparation
    try:
        worker = Worker(options.script, preparation.fresh)
    except OSError as error:
        sys.exit(f"cannot run {options.script}: {error.strerror}")
    packages = listings([*sys.path, *preparation.paths])
    effects = preload(options.script, preparation)
    _use_normal_niceness()
    eligibility = Eligibility(options, effects, packages)
    server = Server(_listen(directory, options.name), eligibility, options.idle)
    print("ready", flush=True)  # noqa: T201 - the log
    request = server.serve()
    if request:
        worker.run(request, eligibility.stream_settings(request), effects, server.pid)
    if server.is_detached:
        os._exit(0)
    if server.is_outdated:
        # If the program or its interpreter is gone, the server ends.
        with suppress(OSError):
            os.execve(sys.orig_argv[0], sys.orig_argv, effects.environ)  # noqa: S606 - ourselves
    with suppress(OSError):
        os.unlink(f"{options.name}.sock", dir_fd=directory)


def _use_normal_niceness() -> None:
    """Serve callers of lower niceness, too, if allowed: a fork can only raise its own."""
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    if niceness <= 0:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, 0, 0)
    except OSError:
        print(f"the niceness is {niceness}: callers of a lower one run the program themselves")  # noqa: T201


def _listen(directory: int, name: str) -> socket:
    """Listen under a name of its own, then replace the socket of an earlier server at once."""
    new = f"{name}.{os.getpid()}"
    listener = socket(AF_UNIX, SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(socket_path(directory, new))
        listener.listen(1024)
        os.rename(f"{new}.sock", f"{name}.sock", src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.umask(before)
    return listener
