# ruff: noqa: T201 - it is a program
"""A console script's package: prints its surroundings, and does what the tests check."""

import json
import locale
import os
import resource
import signal
import subprocess
import sys
import time

AT_IMPORT = os.environ.get("READ_AT_IMPORT")
if os.path.exists(__file__ + ".talks"):
    print("ü deprecated", file=sys.stderr)
    os.environ.setdefault("SET_AT_IMPORT", "by the tool")


def main():
    command, *arguments = sys.argv[1:] or [""]
    return globals()[f"do_{command}"](*arguments) if command else 0


def do_state(*arguments):
    state = {
        "argv": sys.argv,
        "environ": dict(os.environ),
        "getenv": subprocess.check_output("echo $MARK", shell=True, text=True),
        "cwd": os.getcwd(),
        "umask": os.umask(0o22),
        "nice": os.nice(0),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "affinity": sorted(os.sched_getaffinity(0)),
        "tty": [os.isatty(number) for number in range(3)],
        "streams": [repr(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "errors": [stream.errors for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "lines": [stream.line_buffering for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "locale": locale.setlocale(locale.LC_ALL),
        "int": str(signal.getsignal(signal.SIGINT)),
        "hup": str(signal.getsignal(signal.SIGHUP)),
        "pipe": str(signal.getsignal(signal.SIGPIPE)),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "path": sys.path,
        "file": sys.modules["__main__"].__file__,
        "name": sys.modules["__main__"].__name__,
        "descriptors": [n for n in range(64) if is_open(n)],
    }
    print(json.dumps(state, indent=1, default=str))


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def do_served():
    print("_fork_server" in sys.modules)


def do_import():
    print(AT_IMPORT)


def do_cat(number="0"):
    with open(int(number), "rb") as file:
        while chunk := file.read1(1 << 16):
            sys.stdout.buffer.write(chunk)


def do_exit(code):
    sys.exit(int(code))


def do_words():
    sys.exit("some words")


def do_raise():
    raise RuntimeError("a mistake")


def do_both():
    for _ in range(3):
        os.write(1, b"out\n")
        os.write(2, b"err\n")


def do_lines(count):
    for number in range(int(count)):
        print(number)


def do_die(name):
    os.kill(os.getpid(), getattr(signal, name))


def do_catch(name):
    def caught(number, frame):
        print("caught", signal.Signals(number).name)
        sys.exit(7)

    signal.signal(getattr(signal, name), caught)
    do_wait()


def do_wait():
    print(os.getpid(), flush=True)
    time.sleep(60)


def do_password():
    import getpass

    print("got", getpass.getpass("word: "))


def do_ask():
    print("got", input("ask: "))


def do_threads():
    import atexit
    import threading

    atexit.register(print, "at exit")
    threading.Thread(target=lambda: (threading.main_thread().join(), print("thread"))).start()
    print("main")


def do_append(path):
    with open(path, "a") as file:
        file.write("once\n")


def do_write(path):
    with open(path, "w") as file:
        file.write(f"{'_fork_server' in sys.modules} {os.environ.get('MARK')}")


def do_mark(path):
    do_append(path)
    do_wait()


calls = []


def do_count():
    calls.append(1)
    print(len(calls))


def do_imported(name):
    print(name in sys.modules)
