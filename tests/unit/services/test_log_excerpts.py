"""What is shown of the log of a service that has died."""

import subprocess
import sys
from pathlib import Path

import pytest

from doitstack.services.log_excerpts import reason

OURS = "/venvs/keystone/lib/python3.11/site-packages/paste/deploy.py"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def test_last_lines_are_shown_without_a_traceback(log: Path) -> None:
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    assert reason(log).splitlines() == [f"line {number}" for number in range(80, 100)]
    assert reason(log.with_name("none")) == ""


@pytest.mark.parametrize(
    "said_by_uwsgi",
    [
        "unable to load app 0 (mountpoint='') (callable not found or import error)\n"
        "*** no app loaded. GAME OVER ***\n",
        "OOPS ! failed loading app in worker 2 (pid 7817)\n"
        "Sun Nov 29 04:36:29 2026 - need-app requested, destroying the instance...\n",
        "Sun Nov 29 04:36:29 2026 - need-app requested, destroying the instance...\n"
        "SIGINT/SIGTERM received...killing workers...\n",
    ],
)
def test_real_traceback_ends_in_the_users_file(
    log: Path, tmp_path: Path, said_by_uwsgi: str
) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def outer():\n    inner()\n\ndef inner():\n    return nothing\n\nouter()\n")
    with log.open("w") as file:
        file.write("Traceback (most recent call last):\n  an earlier one\n")
        file.flush()
        subprocess.run([sys.executable, bad], stderr=file, check=False)
        file.write("")
    with log.open("a") as file:
        file.write(said_by_uwsgi)
    assert reason(log).splitlines()[0] == f'  File "{bad}", line 5, in inner'
    assert reason(log).splitlines()[-1] == "NameError: name 'nothing' is not defined"
    assert "line 2, in outer" not in reason(log)


def test_syntax_error_is_shown_with_its_line(log: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("def broken(:\n    pass\n")
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import bad",
    ]
    with log.open("w") as file:
        subprocess.run(command, stderr=file, check=False)
    assert reason(log).startswith(f'  File "{bad}", line 1\n    def broken(:\n')
    assert reason(log).splitlines()[-1].startswith("SyntaxError: ")


def test_users_last_frame_and_the_last_one_are_shown(log: Path) -> None:
    log.write_text(
        "Traceback (most recent call last):\n"
        '  File "/home/me/keystone/app.py", line 3, in load\n    deploy.load()\n'
        f'  File "{OURS}", line 10, in load\n    dispatch()\n'
        f'  File "{OURS}", line 20, in dispatch\n    raise ValueError\n'
        "ValueError: no\nsuch thing\n"
    )
    assert reason(log).splitlines() == [
        '  File "/home/me/keystone/app.py", line 3, in load',
        "    deploy.load()",
        f'  File "{OURS}", line 20, in dispatch',
        "    raise ValueError",
        "ValueError: no",
        "such thing",
    ]


def test_lines_of_oslo_log_begin_with_other_facts(log: Path) -> None:
    prefix = "2026-11-28 14:00:00.123 4711 ERROR nova "
    text = (
        'Traceback (most recent call last):\n  File "/home/me/nova/x.py", line 3, in f\nKeyError: 1'
    )
    lines = "".join(f"{prefix}{line}\n" for line in text.splitlines())
    log.write_text(f"{lines}[pid: 4711|app: 0|req: 1/1] GET / => generated 0 bytes in 1 msecs\n")
    assert reason(log) == '  File "/home/me/nova/x.py", line 3, in f\nKeyError: 1'
