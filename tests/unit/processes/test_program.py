"""Programs: their input and environment, their end, and the error if they fail."""

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doitstack.errors import CommandError
from doitstack.processes.program import Program, output_of, run_in_future
from doitstack.processes.tree import look_up


def test_output_is_stdout_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert output_of(Program(["sh", "-c", "echo out; echo err >&2"])) == "out\n"
    assert capfd.readouterr().err == "err\n"


def test_output_that_is_no_text_is_replaced() -> None:
    assert output_of(Program(["printf", r"a\377"])) == "a\N{REPLACEMENT CHARACTER}"


def test_environment_is_added_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INHERITED", "1")
    program = Program(["sh", "-c", "echo $INHERITED $ADDED"], env={"ADDED": "2"})
    assert output_of(program) == "1 2\n"


def test_directory(tmp_path: Path) -> None:
    assert output_of(Program(["pwd", "-P"], cwd=tmp_path)) == f"{tmp_path.resolve()}\n"


def test_input_may_be_longer_than_a_pipe_holds() -> None:
    data = b"x" * (1 << 20)
    assert output_of(Program(["wc", "-c"], stdin=data)).strip() == str(len(data))


def test_input_may_be_text() -> None:
    assert output_of(Program(["cat"], stdin="größer\n")) == "größer\n"


def test_no_input_is_empty_input() -> None:
    assert output_of(Program(["cat"])) == ""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"argv": "ls -l"}, "a list of a program and its arguments is needed: got 'ls -l'"),
        ({"argv": []}, "a list of a program and its arguments is needed: got []"),
        (
            {"argv": ["A=b"]},
            "A=... is no program; to set a variable for one: ['env', 'A=...', ...]",
        ),
        ({"env": {"A": 3}}, "env takes text: got 'A': 3"),
        ({"stdin": 3}, "stdin takes text or bytes: got 3"),
        ({"timeout": "5"}, "timeout takes a number of seconds, 0 or more: got '5'"),
    ],
)
def test_what_cannot_be_a_program_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        Program(**{"argv": ["ls"], **wrong})


def test_words_may_be_paths(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content")
    assert output_of(Program(["cat", file])) == "content"


@pytest.mark.parametrize(
    ("script", "code", "message"),
    [
        ("exit 3", 3, "sh ended with code 3; its output is above"),
        ("kill -9 $$", -9, "sh was killed by SIGKILL; its output is above"),
    ],
)
def test_failure_has_the_code(script: str, code: int, message: str) -> None:
    with pytest.raises(CommandError, match=f"^{message}$") as caught:
        output_of(Program(["sh", "-c", script]))
    assert caught.value.code == code
    with pytest.raises(CommandError, match=f"^{message}$"):
        run_in_future(Program(["sh", "-c", script]))


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/missing/program"], "program cannot be run: No such file or directory"),
        (["/etc/passwd"], "passwd cannot be run: Permission denied"),
        (["echo", "a\0b"], "echo cannot be run: embedded null byte"),
    ],
)
def test_program_that_cannot_be_run_has_code_127(argv: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why) as caught:
        Program(argv, stdin=b"closed all the same").start(None, own_group=False)
    assert caught.value.code == 127


def test_program_without_a_free_process_has_no_file_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fork(*_: object, **__: object) -> None:
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", fork)
    with pytest.raises(CommandError, match=r"^true cannot be run: Resource temporarily unav\w+$"):
        Program(["true"]).start(None, own_group=False)


def test_program_inside_a_future_writes_where_the_future_does(
    capfd: pytest.CaptureFixture[str],
) -> None:
    run_in_future(Program(["echo", "out"]))
    assert capfd.readouterr().out == "out\n"


@pytest.mark.parametrize("own_group", [True, False])
def test_program_may_have_a_group_of_its_own(own_group: bool) -> None:
    reader, writer = os.pipe()
    program = Program([sys.executable, "-c", "import os; print(os.getpgid(0) == os.getpid())"])
    with open(reader, closefd=True) as output:
        process = program.start(writer, own_group=own_group)
        os.close(writer)
        assert output.read() == f"{own_group}\n"
    assert process.wait() == 0


@pytest.mark.parametrize(("merge", "expected"), [(True, "out\nerr\n"), (False, "out\n")])
def test_stderr_may_go_where_stdout_goes(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, merge: bool, expected: str
) -> None:
    with open(tmp_path / "log", "wb") as log:
        program = Program(["sh", "-c", "echo out; echo err >&2"])
        assert program.start(log.fileno(), own_group=False, merge=merge).wait() == 0
    assert (tmp_path / "log").read_text() == expected
    assert capfd.readouterr().err == ("" if merge else "err\n")


def test_input_leaves_no_descriptor_open() -> None:
    before = len(os.listdir("/proc/self/fd"))
    process = Program(["cat"], stdin=b"x").start(subprocess.DEVNULL, own_group=False)
    process.wait()
    assert len(os.listdir("/proc/self/fd")) == before


def test_name_is_that_of_the_file() -> None:
    assert Program([Path("/usr/bin/env"), "true"]).name == "env"


@pytest.mark.parametrize("run_it", [run_in_future, output_of])
def test_program_that_times_out_is_stopped_with_its_children(
    tmp_path: Path, run_it: Callable[[Program], object]
) -> None:
    script, sleeper = "sleep 300 & echo $! >sleeper; wait", tmp_path / "sleeper"
    for limit in (0.3, 5, 50):
        with pytest.raises(CommandError, match=f"^sh timed out after {limit} s$") as raised:
            run_it(Program(["sh", "-c", script], cwd=tmp_path, timeout=limit))
        assert raised.value.code == 124
        # On a busy machine, it may have started nothing in so short a time.
        if sleeper.exists() and sleeper.read_text():
            break
    child = look_up(int(sleeper.read_text()))
    assert child is None or child.is_zombie
    run_it(Program(["true"], timeout=250))
