"""The plans of the campaign of kills, and which processes of their runs it kills."""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from tests.conftest import StackDir
from tests.integration.probes import plugin

LINES = 40
"""The lines that each future prints."""

JOBS = 8
"""The jobs of a build."""

NINJA = str(Path(sys.executable).with_name("ninja"))


@dataclass(frozen=True)
class Plan:
    """A plan of a stack.

    Args:
        files: the files of its stack directory.
        futures: the futures that print lines, and how many each.
        unordered: those that may print them in any order.
        more: what it has besides the main process, a watchdog, the session and futures.
        services: the names of its services.
        teardown: the commands of which a part of the rounds is.
        prepare: makes what cannot be written as text.
    """

    files: dict[str, str]
    futures: dict[str, int]
    unordered: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    teardown: tuple[str, ...] = ("unstack", "clean")
    prepare: Callable[[StackDir], None] = lambda _: None

    @property
    def victims(self) -> list[tuple[str, ...]]:
        """What to kill: each alone, and all pairs."""
        names = ("main", "watchdog", "session", "future", *self.more)
        return [*((name,) for name in names), *combinations(names, 2)]


def futures_plan() -> Plan:
    """Futures of Python and bash with daemons."""
    shell = f"""\
        lines() {{
            local number
            for ((number = 0; number < {LINES}; number++)); do echo "$1 line $number"; done
            setsid sleep 600 & sleep 0.1
            kill $!
        }}
        if [[ "$1 $2" == 'stack install' ]]; then
            async_run script lines script
            sh -c "setsid sleep 0.2 & sleep 0.1"
            echo_summary "the script has run"
            async_wait script
        fi
    """
    python = f"""
        def lines(stack, name):
            daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
            forked = os.fork()
            if forked == 0:
                os.setsid()
                time.sleep(600)
            for number in range({LINES}):
                print(name, "line", number, flush=True)
            time.sleep(0.1)
            daemon.kill()
            os.kill(forked, signal.SIGKILL)

        def step(stack):
            daemon = subprocess.Popen(["sleep", "600"], start_new_session=True)
            stack.run(["sh", "-c", "setsid sleep 0.2 & sleep 0.1"])
            daemon.kill()

        @hookimpl
        def stack_install(stack):
            yield async_run("python-a", lines, "python-a")
            yield async_run("planned", shell("lines planned"))
            yield async_run("python-b", lines, "python-b", wait=["python-a"])
            yield run(step)
            yield run(["sh", "-c", "setsid sleep 0.2 & sleep 0.1"])
            yield async_wait("python-a", "planned", "python-b")
    """
    return Plan(
        {"extras.d/40-shell.sh": shell, "extras.d/50-demo.py": plugin(python)},
        dict.fromkeys(("python-a", "python-b", "planned", "script"), LINES),
    )


def builds_plan() -> Plan:
    """Builds of ninja and make in futures and on the main line, which share the slots."""
    python = f"""
        def build(stack, name):
            stack.run([{NINJA!r}, "-f", f"{{name}}.ninja"])

        @hookimpl
        def stack_install(stack):
            yield async_run("ninja-a", build, "ninja-a")
            yield async_run("ninja-b", shell("{NINJA} -f ninja-b.ninja"))
            yield async_run("make-a", ["make", "-s", "-j2", "-f", "make-a.mk"])
            yield run(build, "ninja-c")
            yield async_wait("ninja-a", "ninja-b", "make-a")
    """
    names = ("ninja-a", "ninja-b", "ninja-c", "make-a")
    files = {f"{name}.ninja": _ninja_file(name) for name in names[:3]}
    return Plan(
        {**files, "make-a.mk": _make_file("make-a"), "extras.d/50-demo.py": plugin(python)},
        dict.fromkeys(names, JOBS),
        unordered=names,
        more=("build",),
    )


def _work(name: str, number: int, dollar: str) -> str:
    return f"setsid sleep 600 & sleep 0.04; kill {dollar}!; echo {name} line {number}"


def _ninja_file(name: str) -> str:
    jobs = "".join(
        f"build {name}-{number}: work\n  work = {_work(name, number, '$$')}\n"
        for number in range(JOBS)
    )
    return f"builddir = {name}\nrule work\n  command = $work\n{jobs}"


def _make_file(name: str) -> str:
    jobs = "".join(f"{number}:\n\t{_work(name, number, '$$')}\n" for number in range(JOBS))
    return f"all: {' '.join(map(str, range(JOBS)))}\n{jobs}"


_TOOL = f"""\
import sys
import time


def main():
    for number in range({LINES}):
        print(sys.argv[1], "line", number, flush=True)
        time.sleep(0.003)
"""

_WEB = """\
import os
import socket

server = socket.create_server(("127.0.0.1", {port}))
while True:
    connection, _ = server.accept()
    connection.sendall(b"%d" % os.getpid())
    connection.close()
"""


def services_plan() -> Plan:
    """A service with a port, one that sleeps, and a fork server that futures call."""
    port = _free_port()
    python = f"""
        import socket

        from doitstack import warm
        from doitstack.venvs import Environment

        def tool(stack):
            return warm.Program(Environment(stack.top_dir / "venv", ()), "tool", preload=("said",))

        def answers():
            try:
                with socket.create_connection(("127.0.0.1", {port})) as connection:
                    return connection.recv(100) != b""
            except OSError:
                return False

        def serve(stack):
            web = [sys.executable, "-IS", stack.top_dir / "web.py"]
            stack.run_process("web", web, wait=False)
            while not answers():
                if stack.dead_services("web"):
                    raise DoitstackError("web has died")
                time.sleep(0.02)

        def idle(stack):
            stack.run_process("idle", ["sleep", "1000000"], wait=False)

        def call(stack, name):
            warm.call(stack, tool(stack), name)

        @hookimpl
        def stack_install(stack):
            yield run(lambda stack: warm.offer(stack, tool(stack)), name="offer")
            yield async_run("idle", idle)
            yield async_run("called-a", call, "called-a")
            yield async_run("called-b", call, "called-b")
            yield async_run("scripted", shell('"$DEST/bin/tool" scripted'))
            yield run(serve)
            yield async_wait("idle", "called-a", "called-b", "scripted")
    """
    return Plan(
        {
            "extras.d/50-demo.py": plugin(python),
            "venv/bin/said.py": _TOOL,
            "venv/doitstack.stamp": "made\n",
            "web.py": _WEB.format(port=port),
        },
        dict.fromkeys(("called-a", "called-b", "scripted"), LINES),
        more=("supervisord", "server"),
        services=("idle", "warm-tool", "web"),
        prepare=_make_tool,
    )


def _make_tool(stack: StackDir) -> None:
    directory = stack.path / "venv" / "bin"
    python, tool = directory / "python", directory / "tool"
    python.symlink_to(os.path.realpath(sys.executable))
    tool.write_text(f"#!{python}\nimport sys\nfrom said import main\nsys.exit(main())\n")
    tool.chmod(0o755)


def default_plan() -> Plan:
    """Keystone with its accounts and the fork server of `openstack`, and `futures_plan`.

    It needs the packages.
    """
    plan = futures_plan()
    return replace(
        plan,
        files={**plan.files, "local.conf": "[[local|localrc]]\nENABLED_SERVICES=key\n"},
        more=("supervisord", "server"),
        services=("keystone", "warm-openstack"),
        teardown=("unstack",),
        prepare=_take_port,
    )


def _take_port(stack: StackDir) -> None:
    del stack.environ["ENABLED_SERVICES"]
    stack.environ["KEYSTONE_SERVICE_PORT"] = str(_free_port())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


PLANS = {
    "futures": futures_plan,
    "builds": builds_plan,
    "services": services_plan,
    "default": default_plan,
}
