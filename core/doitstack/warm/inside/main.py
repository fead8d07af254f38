"""The server as a process: import, listen, serve; and in a fork, do."""

import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from .judge import Judge, listings
from .options import Options, read_options
from .preload import preload
from .server import Server
from .worker import Worker


def main(words: str) -> None:
    """Serve as the options in `words` say; end when idle; start anew when the program changes."""
    options = read_options(words)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a stray Ctrl-C is not for us
    # Where Python would look first if it ran the script itself.
    sys.path[0] = str(Path(options.script).parent)
    sys.argv = [options.script]
    worker = Worker(options.script, options.fresh)
    packages = listings([*sys.path, *options.paths])
    imported = preload(options)
    judge = Judge(options, imported, packages)
    listener = _listen(options)
    server = Server(listener, judge, options.idle)
    print("warm", flush=True)  # noqa: T201 - the log
    request = server.serve()
    if request:
        worker.run(request, judge.speech(request), imported)
    if server.is_outdated:
        # Where there is nothing to start any more, it ends.
        with suppress(OSError):
            os.execve(sys.orig_argv[0], sys.orig_argv, imported.environ)  # noqa: S606 - ourselves
    _take_away(options)


def _listen(options: Options) -> socket.socket:
    """Listen under a name of its own, then take the place of an earlier server at once."""
    directory = os.open(options.directory, os.O_PATH | os.O_DIRECTORY)
    new = f"{options.name}.{os.getpid()}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        # A path of a socket has at most 107 bytes, so it goes through the open directory.
        listener.bind(f"/proc/self/fd/{directory}/{new}")
        listener.listen(1024)
        os.rename(new, f"{options.name}.sock", src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.umask(before)
        os.close(directory)
    return listener


def _take_away(options: Options) -> None:
    with suppress(OSError):
        (Path(options.directory) / f"{options.name}.sock").unlink()
