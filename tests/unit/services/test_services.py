"""Services with a supervisord in memory; tests/integration/services has real ones."""

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from doitstack.errors import ServiceError
from doitstack.services import services as module
from doitstack.services.services import Services, ServiceState
from tests.unit.fake_services import FakeSupervisord, fake_services

SLEEP = ["sleep", "1000"]


@pytest.fixture
def supervisord(made: tuple[Services, FakeSupervisord]) -> FakeSupervisord:
    return made[1]


@pytest.fixture
def services(made: tuple[Services, FakeSupervisord]) -> Services:
    return made[0]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Services, FakeSupervisord]:
    return fake_services(tmp_path)


def test_script_passes_everything_as_it_was_given(tmp_path: Path) -> None:
    hard = "1 # ;' \" %(x)s $HOME\n`id` \\"
    words = ["sh", "-c", 'printf "<%s>" "$X" "$1" "$(pwd)"', "sh", hard]
    log = tmp_path / "a b'c.log"
    script = tmp_path / "script"
    script.write_text(module._script(words, {"X": hard}, tmp_path, log))
    subprocess.run(["sh", script], check=True)
    assert log.read_text() == f"<{hard}><{hard}><{tmp_path}>"


def test_service_with_the_same_arguments_is_left_alone(
    services: Services, supervisord: FakeSupervisord
) -> None:
    for _ in range(2):
        services.start("a", SLEEP, env={"X": "1"})
    assert supervisord.calls.count("start a") == 1


@pytest.mark.parametrize(
    ("env", "stop_seconds"), [({"X": "2"}, 10), ({"X": "1"}, 11)], ids=["variable", "time to end"]
)
def test_service_with_other_arguments_is_restarted(
    services: Services, supervisord: FakeSupervisord, env: dict[str, str], stop_seconds: int
) -> None:
    services.start("a", SLEEP, env={"X": "1"})
    services.start("a", SLEEP, env=env, stop_seconds=stop_seconds)
    assert supervisord.calls == ["end a", "start a", "signal a", "end a", "start a"]


def test_start_again_starts_what_was_started_before(
    services: Services, supervisord: FakeSupervisord
) -> None:
    assert not services.start_again("a")
    services.start("a", SLEEP)
    assert services.start_again("a")
    assert supervisord.calls.count("start a") == 1
    services.stop("a")
    assert services.start_again("a")
    assert supervisord.calls.count("start a") == 2


def test_service_that_dies_at_once_is_an_error_with_the_end_of_its_log(
    services: Services, supervisord: FakeSupervisord
) -> None:
    supervisord.broken.add("bad")
    services.log("bad").parent.mkdir()
    services.log("bad").write_text("no such table\n")
    for start in (lambda: services.start("bad", SLEEP), lambda: services.start_again("bad")):
        with pytest.raises(ServiceError, match=r"service bad does not run(?s:.*)no such table"):
            start()
    services.start("bad", SLEEP, wait=False)
    assert "(FATAL)" in services.deaths(time.time(), "bad")["bad"]


@pytest.mark.parametrize("name", ["", "a b", "../a", "a:b", "a%b", ".a"])
def test_start_refuses_a_bad_name(services: Services, name: str) -> None:
    with pytest.raises(ServiceError, match="bad name"):
        services.start(name, SLEEP)


def test_start_refuses_a_bad_variable_and_no_program(services: Services) -> None:
    with pytest.raises(ServiceError, match="not a name"):
        services.start("a", SLEEP, env={"A;B": "x"})
    with pytest.raises(ServiceError, match="needs a program"):
        services.start("a", [])


def test_all_receive_sigterm_before_the_first_wait(
    services: Services, supervisord: FakeSupervisord
) -> None:
    for name in "ab":
        services.start(name, SLEEP)
    supervisord.calls.clear()
    services.stop("a", "b", "never")
    assert supervisord.calls == ["signal a", "signal b", "end a", "end b", "end never"]
    assert [one.state for one in services.status()] == [ServiceState.STOPPED] * 2


def test_stop_without_names_leaves_all(services: Services) -> None:
    services.start("a", SLEEP)
    services.stop()
    assert services.status()[0].state is ServiceState.RUNNING


def test_stop_all_without_any_start_makes_nothing(services: Services, tmp_path: Path) -> None:
    services.stop_all()
    assert list(tmp_path.iterdir()) == []


def test_status_has_process_log_and_time(services: Services) -> None:
    assert services.started("a") == 0
    began = int(time.time())
    services.start("a", SLEEP)
    (one,) = services.status()
    assert (one.name, one.pid, one.log) == ("a", os.getpid(), services.log("a"))
    assert began <= services.started("a") == one.started
    assert services.pids("a") == [os.getpid()]


def test_deaths_are_recent_and_not_of_those_that_may_end(
    services: Services, supervisord: FakeSupervisord
) -> None:
    for name in ("a", "b", "warm-tool", "stopped"):
        services.start(name, SLEEP)
    services.stop("stopped")
    for name in ("a", "warm-tool"):
        supervisord.states[name] = "EXITED"
    before = time.time() - 10
    assert list(services.deaths(before)) == ["a"]
    assert services.deaths(time.time() + 10) == {}
    assert list(services.deaths(before, "b", "stopped", "never")) == ["stopped", "never", "a"]


def test_log_of_a_service_is_quoted_in_its_script(
    services: Services, supervisord: FakeSupervisord
) -> None:
    services.start("a", SLEEP)
    script, stop_seconds = supervisord.configurations["a"]
    assert f">>{shlex.quote(str(services.log('a')))} 2>&1" in script
    assert script.endswith("\nexec sleep 1000\n")
    assert stop_seconds == 10


def test_service_with_other_code_is_restarted(
    services: Services, supervisord: FakeSupervisord
) -> None:
    for code in ("first", "first", "second", ""):
        services.start("a", SLEEP, code=code)
    assert supervisord.calls.count("start a") == 3
    assert services.runs("a", "")


def test_service_that_can_is_reloaded_with_other_code(
    services: Services, supervisord: FakeSupervisord
) -> None:
    reloaded: list[int] = []
    for code in ("first", "second", "second"):
        services.start("a", SLEEP, code=code, reload=reloaded.append)
    assert supervisord.calls.count("start a") == 1
    assert reloaded == [os.getpid()]
    assert services.runs("a", "second")
    services.start("a", [*SLEEP, "1"], code="third", reload=reloaded.append)
    assert supervisord.calls.count("start a") == 2
    assert reloaded == [os.getpid()]


def test_failed_reload_is_repeated(services: Services) -> None:
    def fail(pid: int) -> None:
        raise ServiceError("no")

    services.start("a", SLEEP, code="first")
    for _ in range(2):
        with pytest.raises(ServiceError):
            services.start("a", SLEEP, code="second", reload=fail)
    assert services.runs("a", "first")
