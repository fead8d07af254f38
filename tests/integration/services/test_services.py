"""Services: real processes under a real supervisord."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from doitstack.errors import ServiceError
from doitstack.services.program_files import old_log
from doitstack.services.services import LARGE_LOG, Services, ServiceState
from doitstack.services.supervisord import DIRECTORY_VARIABLE
from doitstack.services.unixrpc import call_unix
from tests.served_tool import until
from tests.service_processes import service_processes

SLEEP = ["sleep", "1000"]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services whose directory has a long name with all characters that need quoting."""
    directory = tmp_path / ("long" * 30) / "a b #c ;d %(here)s [*] 'e'" / "supervisor"
    made = Services(directory, directory.parent / "logs")
    yield made
    made.stop_all()


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services with a supervisord that several tests share."""
    directory = tmp_path_factory.mktemp("shared") / "a b" / "supervisor"
    made = Services(directory, directory.parent / "logs")
    yield made
    made.stop_all()


@pytest.fixture
def shared(supervisor: Services) -> Iterator[Services]:
    """The shared services, of which none runs and none has a log."""
    yield supervisor
    supervisor.stop(*(one.name for one in supervisor.status()))
    for one in supervisor.status():
        one.log.unlink(missing_ok=True)


@pytest.mark.parametrize("other", [None, "supervisor", "nothing"], ids=["gone", "loop", "broken"])
def test_all_ends_though_the_directory_is_gone_or_a_link(tmp_path: Path, other: str | None) -> None:
    directory = tmp_path / "supervisor"
    Services(directory, tmp_path).start("sleep", SLEEP, wait=False)
    directory.rename(tmp_path / "moved")
    if other:
        directory.symlink_to(other)
    Services(directory, tmp_path).stop_all()
    assert service_processes(directory.parent / directory.name) == []


def directory_of(services: Services) -> Path:
    return services.log("x").parent.parent / "supervisor"


def kept(services: Services) -> list[psutil.Process]:
    return service_processes(directory_of(services))


def supervisord(services: Services) -> psutil.Process:
    return psutil.Process(int((directory_of(services) / "supervisord.pid").read_text()))


def pid_of(services: Services, name: str) -> int | None:
    return next(one.pid for one in services.status() if one.name == name)


def state_of(services: Services, name: str) -> ServiceState:
    return next(one.state for one in services.status() if one.name == name)


def is_ready(services: Services, name: str) -> bool:
    return "ready\n" in services.log(name).read_text()


def gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def begin(services: Services, name: str, argv: list[str], **options: Any) -> None:
    """Start a service; return once its program has taken its script's place, not a second later."""
    services.start(name, argv, wait=False, **options)

    def runs() -> bool:
        words = psutil.Process(pid_of(services, name)).cmdline()
        # The last word of supervisord, before it runs the script, and of the script.
        return bool(words) and not words[-1].startswith("/proc/self/cwd/")

    assert wait_until(runs)


def test_start_passes_everything_as_it_was_given(services: Services, tmp_path: Path) -> None:
    hard = "1 # ;' \" %(x)s $HOME\n`id` \\"
    script = 'printf "<%s>" "$X" "$1" "$(pwd)"; exec sleep 1000'
    begin(services, "a", ["sh", "-c", script, "sh", hard], env={"X": hard}, cwd=tmp_path)
    assert wait_until(lambda: services.log("a").read_text().endswith(f"<{tmp_path}>"))
    assert services.log("a").read_text() == f"<{hard}><{hard}><{tmp_path}>"


def test_every_pipe_of_supervisor_to_a_service_has_a_reader(shared: Services) -> None:
    """Else poll returns at once for it, and supervisor may ask without end."""
    for name in "abc":
        begin(shared, name, SLEEP)
    held = {target for name in "abc" for target, _ in pipes(pid_of(shared, name))}
    own = pipes(supervisord(shared).pid)
    ends = {target for target, flags in own if flags & os.O_ACCMODE == os.O_WRONLY}
    assert ends
    assert ends <= held


TITLED = """
import ctypes, os, sys, time
fields = open("/proc/self/stat").read().rpartition(")")[2].split()
begin, end = map(int, fields[47:49])
ctypes.memset(begin, 0, end - begin)
if os.fork():
    print("titled", flush=True)
time.sleep(1000)
"""


def test_process_without_its_environment_is_ours_and_ends(services: Services) -> None:
    """A program that gives itself a title writes over what it was started with."""
    begin(services, "a", [sys.executable, "-c", TITLED])
    assert wait_until(lambda: "titled" in services.log("a").read_text())
    first, second = map(psutil.Process, services.pids("a"))
    assert DIRECTORY_VARIABLE not in first.environ()
    supervisord(services).kill()
    services.stop_all()
    assert gone(first)
    assert gone(second)


def pipes(pid: int | None) -> list[tuple[str, int]]:
    """Return the pipes that a process has open, with how it may use them."""
    found = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            target = str(entry.readlink())
            if target.startswith("pipe:"):
                info = Path(f"/proc/{pid}/fdinfo/{entry.name}").read_text()
                found.append((target, int(info.split()[3], 8)))
    return found


def test_start_keeps_a_service_with_the_same_command(services: Services) -> None:
    began = time.time()
    assert services.started("a") == 0
    services.start("a", SLEEP, env={"X": "1"})
    first = pid_of(services, "a")
    assert int(began) <= services.started("a") <= time.time()
    services.start("a", SLEEP, env={"X": "1"})
    assert pid_of(services, "a") == first


def test_start_restarts_a_service_with_another_command(shared: Services) -> None:
    begin(shared, "a", SLEEP, env={"X": "1"})
    process = psutil.Process(pid_of(shared, "a"))
    begin(shared, "a", SLEEP, env={"X": "2"})
    assert gone(process)
    assert psutil.Process(pid_of(shared, "a")).environ()["X"] == "2"


def test_next_start_brings_back_what_a_killed_supervisord_has_left(services: Services) -> None:
    begin(services, "a", SLEEP)
    begin(services, "b", SLEEP)
    begin(services, "stopped", SLEEP)
    services.stop("stopped")
    before = kept(services)
    supervisord(services).kill()
    assert wait_until(lambda: any(map(gone, before)))
    assert services.deaths(time.time()) == {
        "a": "service a has lost its supervisord",
        "b": "service b has lost its supervisord",
    }

    services.start("a", SLEEP, wait=False)

    assert all(map(gone, before))
    states = {one.name: one.state for one in services.status()}
    up = (ServiceState.STARTING, ServiceState.RUNNING)
    assert (states["a"] in up, states["b"] in up) == (True, True)
    assert states["stopped"] is ServiceState.STOPPED
    assert services.deaths(time.time()) == {}


def test_start_again_starts_a_known_service(services: Services) -> None:
    assert not services.start_again("a")
    assert not directory_of(services).exists()
    begin(services, "a", SLEEP, env={"X": "1"})
    first = pid_of(services, "a")
    assert services.start_again("a")
    assert pid_of(services, "a") == first
    services.stop_all()
    assert services.start_again("a")
    assert psutil.Process(pid_of(services, "a")).environ()["X"] == "1"


@pytest.mark.parametrize("again", [True, False])
def test_start_begins_a_new_log_if_the_log_is_large(services: Services, again: bool) -> None:
    services.start("a", ["sleep", "600"], wait=False)
    log = services.log("a")
    until(log.exists)
    services.stop("a")
    os.truncate(log, LARGE_LOG + 1)
    if again:
        services.start_again("a", wait=False)
    else:
        services.start("a", ["sleep", "601"], wait=False)
    until(lambda: services.is_up("a") and log.exists())
    assert log.stat().st_size == 0
    assert old_log(log).stat().st_size == LARGE_LOG + 1


def test_start_again_reports_why_a_service_died_at_once(shared: Services) -> None:
    with pytest.raises(ServiceError):
        shared.start("bad", ["sh", "-c", "echo no such table; exit 3"])
    with pytest.raises(ServiceError, match="no such table"):
        shared.start_again("bad")


def test_start_reports_why_a_service_died_at_once(shared: Services) -> None:
    with pytest.raises(ServiceError, match=r"service bad does not run(?s:.*)no such table"):
        shared.start("bad", ["sh", "-c", "echo no such table; exit 3"])
    assert "no such table" in shared.deaths(time.time(), "bad")["bad"]


def test_start_reports_a_missing_program(shared: Services) -> None:
    with pytest.raises(ServiceError, match=r"/none/prog: not found"):
        shared.start("bad", ["/none/prog"])


@pytest.mark.parametrize("name", ["", "a b", "../a", "a:b", "a%b", ".a"])
def test_start_refuses_a_bad_name(services: Services, name: str) -> None:
    with pytest.raises(ServiceError, match="bad name"):
        services.start(name, SLEEP)
    assert not directory_of(services).exists()


def test_start_refuses_a_bad_variable(shared: Services) -> None:
    with pytest.raises(ServiceError, match="not a name"):
        shared.start("a", SLEEP, env={"A;B": "x"})


def test_services_see_neither_our_markers_nor_our_secrets(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOITSTACK_FUTURE", "x")
    monkeypatch.setenv("OS_PASSWORD", "x")
    begin(services, "a", SLEEP)
    for process in kept(services):
        assert not {"DOITSTACK_FUTURE", "OS_PASSWORD"} & process.environ().keys()


def test_supervisord_is_a_daemon_of_its_own(services: Services) -> None:
    with socket.socket() as held:
        os.set_inheritable(held.fileno(), True)
        begin(services, "a", SLEEP)
        daemon = supervisord(services)
        assert os.getsid(daemon.pid) != os.getsid(0)
        for process in kept(services):
            files = Path(f"/proc/{process.pid}/fd")
            assert os.readlink(files / "0") == "/dev/null"
            for file in files.iterdir():
                with suppress(FileNotFoundError):  # it was closed meanwhile
                    assert file.readlink() != Path(f"socket:[{os.fstat(held.fileno()).st_ino}]")


def test_services_outlive_the_process_that_started_them(services: Services) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from doitstack.services.services import Services\n"
        "Services(Path(sys.argv[1]), Path(sys.argv[2])).start('a', ['sleep', '1000'])\n"
        "os.killpg(0, signal.SIGKILL)\n"
    )
    directory = str(directory_of(services))
    command = [sys.executable, "-c", script, directory, str(services.log("a").parent)]
    assert subprocess.run(command, start_new_session=True, check=False).returncode == -9
    assert [one.state for one in services.status()] == [ServiceState.RUNNING]


def test_files_are_private(services: Services) -> None:
    begin(services, "a", ["sh", "-c", "echo x; exec sleep 1000"])
    root = directory_of(services).parent
    for path in [*directory_of(services).rglob("*"), *root.glob("logs/*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_stop_ends_a_service_and_its_children(services: Services) -> None:
    services.start("a", ["sh", "-c", "setsid sleep 1000 & sleep 1000"], wait=False)
    services.start("b", SLEEP)
    assert wait_until(lambda: len(services.pids("a")) == 3)
    services.stop("a")
    assert services.pids("a") == []
    assert {one.name: one.state for one in services.status()} == {
        "a": ServiceState.STOPPED,
        "b": ServiceState.RUNNING,
    }
    services.stop("a")


def test_stop_of_an_unknown_service_does_nothing(services: Services) -> None:
    services.stop("never")
    assert services.status() == []


def test_stop_all_leaves_no_process(services: Services) -> None:
    begin(services, "a", SLEEP)
    begin(services, "b", ["sh", "-c", "setsid sleep 1000 & sleep 1000"])
    assert wait_until(lambda: len(kept(services)) == 5)
    services.stop_all()
    assert kept(services) == []
    assert [one.state for one in services.status()] == [ServiceState.STOPPED] * 2
    services.stop_all()


def test_stop_all_without_any_start_makes_nothing(services: Services) -> None:
    services.stop_all()
    assert not directory_of(services).exists()


def test_stop_all_ends_leftovers_of_a_killed_supervisord(services: Services) -> None:
    begin(services, "a", SLEEP)
    os.kill(supervisord(services).pid, signal.SIGKILL)
    assert wait_until(lambda: len(kept(services)) == 1)
    services.stop_all()
    assert kept(services) == []


def test_start_after_a_killed_supervisord_starts_again(services: Services) -> None:
    begin(services, "a", SLEEP)
    orphan = psutil.Process(pid_of(services, "a"))
    os.kill(supervisord(services).pid, signal.SIGKILL)
    assert wait_until(lambda: len(kept(services)) == 1)
    assert [one.state for one in services.status()] == [ServiceState.STOPPED]
    begin(services, "a", SLEEP)
    assert gone(orphan)
    assert services.deaths(time.time(), "a") == {}


def test_stale_pid_file_does_no_harm(services: Services) -> None:
    begin(services, "a", SLEEP)
    services.stop_all()
    with subprocess.Popen(SLEEP) as bystander:
        (directory_of(services) / "supervisord.pid").write_text(f"{bystander.pid}\n")
        (directory_of(services) / "supervisor.sock").touch()
        services.stop_all()
        begin(services, "a", SLEEP)
        services.stop_all()
        assert bystander.poll() is None
        bystander.kill()


def test_supervisord_that_does_not_answer_is_asked_once_and_replaced(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question waits for two minutes: `unstack` would take twelve."""
    begin(services, "a", SLEEP)
    os.kill(supervisord(services).pid, signal.SIGSTOP)
    asked = []

    def ask(path: str, method: str, *arguments: Any, timeout: float) -> Any:
        asked.append(method)
        return call_unix(path, method, *arguments, timeout=timeout)

    with monkeypatch.context() as patched:
        patched.setattr("doitstack.services.supervisord._ANSWER_SECONDS", 0.3)
        patched.setattr("doitstack.services.supervisord.STOP_SECONDS", 0.3)
        patched.setattr("doitstack.services.supervisord.call_unix", ask)
        services.stop("a")
        services.stop_all()
    assert asked == ["supervisor.getAllProcessInfo"]
    assert kept(services) == []
    begin(services, "a", SLEEP)
    assert services.is_up("a")


def test_a_service_that_ignores_sigterm_is_killed(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doitstack.services.supervisord.STOP_SECONDS", 0.3)
    script = "trap '' TERM; (setsid sh -c 'echo ready; sleep 1000') & sleep 1000"
    begin(services, "a", ["sh", "-c", script])
    assert wait_until(lambda: is_ready(services, "a"))
    os.kill(supervisord(services).pid, signal.SIGKILL)
    services.stop_all()
    assert kept(services) == []


def test_deaths_name_a_needed_service_that_died_before(shared: Services) -> None:
    shared.start("a", ["sh", "-c", "echo last words; exec sleep 1000"])
    assert wait_until(lambda: "last words\n" in shared.log("a").read_text())
    assert shared.deaths(time.time(), "a") == {}
    psutil.Process(pid_of(shared, "a")).kill()
    assert wait_until(lambda: state_of(shared, "a") is ServiceState.EXITED)
    told = shared.deaths(time.time(), "a")["a"]
    assert "(EXITED)" in told
    assert told.endswith("last words")


def test_stop_ends_services_side_by_side(shared: Services, tmp_path: Path) -> None:
    """Each ends only once the other has received SIGTERM, so they must stop in parallel."""
    script = (
        "trap 'touch $0; until [ -e $1 ]; do sleep 0.05; done; touch $0.ended; exit' TERM;"
        "touch $0.ready; while :; do sleep 0.05; done"
    )
    first, second = tmp_path / "first", tmp_path / "second"
    begin(shared, "a", ["sh", "-c", script, first, second])
    begin(shared, "b", ["sh", "-c", script, second, first])
    assert wait_until(lambda: all(Path(f"{path}.ready").exists() for path in (first, second)))
    shared.stop("a", "b")
    assert all(Path(f"{path}.ended").exists() for path in (first, second))
    assert {state_of(shared, name) for name in "ab"} == {ServiceState.STOPPED}


def test_start_waits_for_the_end_of_what_was_only_asked_to_end(
    shared: Services, tmp_path: Path
) -> None:
    script = (
        "trap 'until [ -e $0 ]; do sleep 0.05; done; echo ended; exit' TERM;"
        "echo ready; while :; do sleep 0.05; done"
    )
    begin(shared, "a", ["sh", "-c", script, tmp_path / "may-end"])
    assert wait_until(lambda: is_ready(shared, "a"))
    shared.stop("a", wait=False)
    assert state_of(shared, "a") == ServiceState.STOPPING
    (tmp_path / "may-end").touch()
    begin(shared, "a", SLEEP)
    assert shared.log("a").read_text().endswith("ended\n")
    assert state_of(shared, "a") in (ServiceState.STARTING, ServiceState.RUNNING)


def test_stop_of_nothing_leaves_all(shared: Services) -> None:
    begin(shared, "a", SLEEP)
    shared.stop()
    assert shared.deaths(time.time(), "a") == {}


def test_a_service_has_its_own_time_to_end(shared: Services) -> None:
    script = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done"
    for seconds in (1, 20):
        begin(shared, "a", ["sh", "-c", script], stop_seconds=seconds)
        assert wait_until(lambda: is_ready(shared, "a"))
        shared.stop("a")
        assert "SIGKILL" in (directory_of(shared) / "supervisord.log").read_text()
        conf = (directory_of(shared) / "conf.d" / "a.conf").read_text()
        assert f"stopwaitsecs={seconds}\n" in conf
        if "asked" in shared.log("a").read_text():
            return
        # On a busy machine, it may have lacked a processor for all of its time.
        shared.log("a").unlink()
    pytest.fail("it was not asked to end")


def test_stop_does_not_wait_for_supervisor_for_ever(
    shared: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("doitstack.services.supervisord._PATIENCE_SECONDS", 0)
    monkeypatch.setattr("doitstack.services.supervisord.STOP_SECONDS", 0.3)
    script = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    begin(shared, "a", ["sh", "-c", script], stop_seconds=99)
    assert wait_until(lambda: is_ready(shared, "a"))
    shared.stop("a")
    assert shared.pids("a") == []


def test_start_takes_over_another_time_to_end(shared: Services) -> None:
    begin(shared, "a", SLEEP)
    first = pid_of(shared, "a")
    begin(shared, "a", SLEEP, stop_seconds=1)
    assert pid_of(shared, "a") != first


def test_start_without_waiting_does_not_report_a_death(shared: Services) -> None:
    shared.start("bad", ["sh", "-c", "echo no such table; exit 3"], wait=False)
    assert wait_until(lambda: state_of(shared, "bad") is ServiceState.FATAL)
    told = shared.deaths(time.time(), "bad")["bad"]
    assert "(FATAL)" in told
    assert told.endswith("no such table")


def test_ports_are_those_at_which_processes_listen(shared: Services) -> None:
    script = (
        "import os, socket, sys, time\n"
        "made = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]\n"
        "print(*sorted(one.getsockname()[1] for one in made), flush=True)\n"
        "os.fork()\n"
        "time.sleep(1000)\n"
    )
    begin(shared, "a", [sys.executable, "-c", script])
    begin(shared, "b", SLEEP)
    assert wait_until(lambda: shared.log("a").read_text().endswith("\n"))
    ports = [int(port) for port in shared.log("a").read_text().split()]
    assert shared.ports() == {"a": ports}
    assert all(shared.listens("a", port) for port in ports)
    assert not any(shared.listens(name, ports[0]) for name in ("b", "c"))


def test_port_of_an_orphan_is_that_of_its_service(shared: Services) -> None:
    script = (
        "import os, socket, time\n"
        "if os.fork() == 0:\n"
        "    if os.fork() == 0:\n"
        "        made = socket.create_server(('127.0.0.1', 0))\n"
        "        print(made.getsockname()[1], flush=True)\n"
        "        time.sleep(1000)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "time.sleep(1000)\n"
    )
    begin(shared, "a", [sys.executable, "-c", script])
    begin(shared, "b", SLEEP)
    assert wait_until(lambda: shared.log("a").read_text().endswith("\n"))
    port = int(shared.log("a").read_text())
    assert shared.listens("a", port)
    assert not shared.listens("b", port)


def test_deaths_do_not_include_stopped_services(services: Services) -> None:
    for name in ("a", "b", "c"):
        services.start(
            name, ["sh", "-c", f"echo last words of {name}; exec sleep 1000"], wait=name == "c"
        )
    assert {one.state for one in services.status()} == {ServiceState.RUNNING}
    for name in ("a", "b", "c"):
        assert wait_until(lambda name=name: "last words" in services.log(name).read_text())
    began = time.time() - 10
    assert services.deaths(began) == {}
    for name in ("a", "b"):
        psutil.Process(pid_of(services, name)).kill()
    assert wait_until(lambda: len(services.deaths(began)) == 2)
    services.stop("c")
    told = services.deaths(began)
    assert list(told) == ["a", "b"]
    assert "service b does not run (EXITED)" in told["b"]
    assert told["b"].endswith("last words of b")
    assert services.deaths(time.time() + 10) == {}
    assert list(services.deaths(began, "c", "never")) == ["c", "never", "a", "b"]
    begin(services, "a", SLEEP)
    assert list(services.deaths(began)) == ["b"]


def wait_until(condition, seconds: float = 250) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
