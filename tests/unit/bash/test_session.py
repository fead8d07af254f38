"""The bash session, with the listener and the watchdog of the test."""

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from doitstack.bash.bash_process import SessionPlace
from doitstack.bash.protocol import Answer
from doitstack.bash.session import Reply, Session
from doitstack.config import passwords
from doitstack.config.passwords import known_secrets
from doitstack.errors import CommandError, StepError, StepTimeoutError
from doitstack.processes.event_loop import EventLoop


class Recorder:
    """A listener that records its calls, and answers requests immediately."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.sessions: list[tuple[int, int]] = []
        self.answer = Answer()

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *words: self.calls.append((name, *words))

    def request(self, verb: str, arguments: Sequence[str], reply: Reply) -> None:
        self.calls.append((verb, *arguments))
        reply(self.answer)

    def session(self, pid: int, command: int = 0) -> None:
        """Record what the watchdog is called with."""
        self.sessions.append((pid, command))

    def command_mark(self, number: int) -> str:
        return f"run-1:{number}"


class Place:
    """A session in a directory, and its log."""

    def __init__(self, path: Path) -> None:
        self.recorder = Recorder()
        self.loop = EventLoop()
        self.path = path
        (path / "async").mkdir()
        self.log = path / "log"
        variables = {"DEST": str(path), "TOP_DIR": str(path), "QUOTED": "it's $HOME"}
        with self.log.open("wb") as log:
            place = SessionPlace(log.fileno(), path, "run-1", variables, None)
            recorder: Any = self.recorder
            self.session = Session(place, self.loop, recorder, recorder)

    def run(self, command: str) -> None:
        self.session.run(lambda: command)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    made = Place(tmp_path)
    yield made
    made.session.close()
    made.loop.close()


def test_commands_run_in_order_in_one_shell(place: Place) -> None:
    place.run("cd /; one=1")
    place.run('echo "$PWD $one $QUOTED"')
    assert place.log.read_text() == "/ 1 it's $HOME\n"
    assert place.session.variables()["one"] == "1"


def test_watchdog_records_the_shell_and_the_command_that_runs(place: Place) -> None:
    place.run("true")
    pids, numbers = zip(*place.recorder.sessions, strict=True)
    assert set(pids) == {place.session.root.pid}
    commands = [number for number in numbers if number]
    assert commands == [*range(1, len(commands) + 1)]
    assert numbers[-1] == 0


def test_posted_commands_wait_until_the_shell_is_free(place: Place) -> None:
    ends: list[StepError | None] = []
    place.session.post(lambda: "echo first", ends.append)
    place.session.post(lambda: "", ends.append)
    place.session.post(lambda: f"echo {len(ends)}", ends.append)
    assert place.session.is_busy
    place.loop.run_until(lambda: len(ends) == 3)
    assert ends == [None, None, None]
    assert place.log.read_text() == "first\n2\n"


def test_only_changed_variables_are_sent(place: Place) -> None:
    place.run("one=1 two=2")
    assert place.session.changes({"one": "1", "two": "x y", "new": ""}) == "two='x y'\nnew=''"


def test_failure_ends_the_session_and_all_that_waits(place: Place) -> None:
    ends: list[StepError | None] = []
    place.session.post(lambda: "false", ends.append)
    place.session.post(lambda: "echo never", ends.append)
    place.loop.run_until(lambda: len(ends) == 2)
    assert isinstance(ends[0], CommandError)
    assert "'false' ended with code 1" in str(ends[0])
    assert ends[1] is ends[0]
    assert place.recorder.calls == [("session_ended",)]
    with pytest.raises(StepError, match="the bash session has ended: 'false' ended"):
        place.run("echo never")
    assert not place.session.is_alive


def test_killed_shell_is_reported(place: Place) -> None:
    with pytest.raises(CommandError, match="ended with code -9, without a message: it was killed"):
        place.run("kill -KILL $BASHPID")


def test_command_that_takes_too_long_is_ended(place: Place) -> None:
    wake, write = os.pipe()
    os.write(write, b"x")

    def interrupt() -> None:
        place.loop.forget(wake)
        place.loop.interrupt(StepTimeoutError(0.5))

    place.loop.watch(wake, interrupt)
    with pytest.raises(StepTimeoutError):
        place.run("sleep 1000")
    os.close(wake)
    os.close(write)
    place.loop.run_until(lambda: ("session_ended",) in place.recorder.calls)
    with pytest.raises(StepError, match="the bash session has ended"):
        place.run("true")


def test_requests_are_answered_in_shells_and_subshells(place: Place) -> None:
    place.recorder.answer = Answer(3, "out\n", "err\n")
    place.run('doitstack_request a "x y" && echo good || echo "code $?"')
    place.run('(doitstack_request b || echo "code $?")')
    assert place.recorder.calls == [("a", "x y"), ("b",)]
    assert place.log.read_text() == "err\nout\ncode 3\n" * 2


def test_times_are_reported(place: Place) -> None:
    place.run("time_start pip; time_stop pip")
    (call,) = place.recorder.calls
    assert call[:2] == ("took", "pip")
    assert call[2] >= 0


def test_clock_that_is_set_does_not_change_a_measured_time(place: Place) -> None:
    place.run("unset EPOCHREALTIME; EPOCHREALTIME=9999999999.000000; time_start pip")
    place.run("EPOCHREALTIME=1.000000; time_stop pip")
    (call,) = place.recorder.calls
    assert 0 <= call[2] < 60_000


def test_script_is_sourced_with_arguments_and_a_trace(place: Place) -> None:
    script, trace = place.path / "script.sh", place.path / "trace"
    script.write_text('echo "$0 $*" >&2; set -x; local word=1; set +x\n')
    place.session.source(script, ["stack", "install"], trace)
    assert place.log.read_text().endswith("stack install\n")
    assert "local word=1" in trace.read_text()


def test_script_that_goes_on_reports_failures_and_ends_well(place: Place) -> None:
    script = place.path / "script.sh"
    script.write_text("false\necho further\n")
    place.session.source(script, [], place.path / "trace", goes_on=True)
    assert "further" in place.log.read_text()
    with pytest.raises(CommandError, match=r"script\.sh:1: 'false' ended with code 1"):
        place.session.source(script, [], place.path / "trace")


def test_secrets_are_hidden_in_the_commands_of_futures(place: Place) -> None:
    place.session.hide(["s3cret"])
    place.run("async_run a echo s3cret x")
    (started,) = [call for call in place.recorder.calls if call[0] == "async_started"]
    assert (started[1], started[4]) == ("a", "echo *** x")


ENDINGS, WORDS = (Path(passwords.__file__).with_name("secret_words")).read_text().splitlines()
SECRET_NAMES = [
    name
    for ending in ENDINGS.split("|")
    for name in (ending, f"A_{ending}", f"my_{ending.lower()}", f"a{ending.title()}")
]
OTHER_NAMES = ("X_KEY", "PASSWORD_FILE", "TOKENS", "LONELY", "secrets", "passwords_of")
VALUES = (
    *("hunter2", "/a/b", "abcd", "secret", "12345", "12345678901", "123456789012", "stacks"),
    *WORDS.split("|"),
    *map(str.title, WORDS.split("|")),
)


@pytest.mark.parametrize(
    "settings",
    [
        {name: f"value-{number:03}" for number, name in enumerate((*SECRET_NAMES, *OTHER_NAMES))},
        {f"N{number}_TOKEN": value for number, value in enumerate(VALUES)},
        {"ENABLED_SERVICES": "key,Barbican", "A_TOKEN": "barbican", "B_TOKEN": "barbicans"},
    ],
)
def test_python_and_bash_agree_on_what_is_a_secret(place: Place, settings: dict[str, str]) -> None:
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    place.run(f"{variables}; async_run f echo a line")
    learned = {call[1] for call in place.recorder.calls if call[0] == "learn"}
    assert learned == set(known_secrets({"DEST": str(place.path), **settings}))


def test_secret_that_a_script_sets_is_hidden(place: Place) -> None:
    place.run("my_secret=hunter22; [[ xay =~ (a) ]]; async_run f echo $my_secret $BASH_REMATCH")
    (started,) = [call for call in place.recorder.calls if call[0] == "async_started"]
    assert started[4] == "echo *** a"


def test_secret_is_hidden_among_arguments_that_were_shown_before(place: Place) -> None:
    place.run("async_run f echo a line; my_secret=hunter22; async_run g echo $my_secret a line")
    place.run("async_run h echo $my_secret a line")
    commands = [call[4] for call in place.recorder.calls if call[0] == "async_started"]
    assert commands == ["echo a line", "echo *** a line", "echo *** a line"]


def test_arguments_that_have_become_a_secret_are_hidden(place: Place) -> None:
    place.run("async_run f true hunter22\nmy_secret=hunter22\nasync_run g true hunter22")
    commands = [call[4] for call in place.recorder.calls if call[0] == "async_started"]
    assert commands == ["true hunter22", "true ***"]


@pytest.mark.parametrize(
    ("words", "looks"),
    [("x", 0), ("12345678901", 0), ("123456789012", 1), ("a line", 1), ("'a]b\"c$('", 1)],
)
def test_looks_for_secrets_once_for_the_same_words(place: Place, words: str, looks: int) -> None:
    place.run("looks=0; _async_learn_secrets() { looks=$((looks + 1)); }")
    place.run(f"for name in f g h; do async_run $name true {words}; done")
    assert place.session.variables()["looks"] == str(looks)


@pytest.mark.parametrize("command", ["echo x", "echo"])
def test_main_process_knows_new_secrets_before_a_wait(place: Place, command: str) -> None:
    place.run(f"my_secret=hunter22; async_run f {command}; async_wait f")
    calls = [call for call in place.recorder.calls if call[0] in ("learn", "async_wait")]
    assert calls == [("learn", "hunter22"), ("async_wait", "f")]


def test_close_ends_the_shell_and_its_descriptors(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    place = Place(tmp_path)
    place.session.close()
    place.loop.close()
    assert not place.session.is_alive
    assert place.recorder.sessions[-1] == (0, 0)
    assert len(os.listdir("/proc/self/fd")) == before
