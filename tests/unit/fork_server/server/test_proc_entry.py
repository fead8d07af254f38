"""What /proc shows of a fork that runs a program."""

import os
from pathlib import Path

from fork_server.server.proc_entry import show_in_proc


def shown(argv: list[str], environ: dict[str, str]) -> list[bytes]:
    """Return the name, arguments and variables of a fork that shows these, and what C has."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            show_in_proc(argv, environ)
            for name in ("comm", "cmdline", "environ"):
                os.write(writer, Path(f"/proc/self/{name}").read_bytes().rstrip(b"\0\n") + b"\n")
            os.environ["LATER"] = "set"
            os.dup2(writer, 1)
            os.execvp("sh", ["sh", "-c", "echo $LATER $PATH_OF_C"])
        finally:
            os._exit(1)
    os.close(writer)
    with open(reader, "rb") as file:
        lines = file.read().splitlines()
    os.waitpid(pid, 0)
    return lines


def test_name_arguments_and_variables_are_the_programs() -> None:
    comm, cmdline, environ, later = shown(["/a/b", "c"], {"NAME": "value", "OTHER": ""})
    assert comm == b"b"
    assert cmdline.split(b"\0")[1:] == [b"/a/b", b"c"]
    assert sorted(environ.split(b"\0")) == [b"NAME=value", b"OTHER="]
    assert later == b"set"


def test_the_longest_variable_is_left_out_if_it_does_not_fit() -> None:
    environ = {"LONG": "x" * (len(Path("/proc/self/environ").read_bytes()) + 1), "NAME": "value"}
    assert shown(["/a/b"], environ)[2] == b"NAME=value"


def test_arguments_that_do_not_fit_are_left_out() -> None:
    long = "x" * (len(Path("/proc/self/cmdline").read_bytes()) + 1)
    assert long.encode() not in shown(["/a/b", long], {})[1]
