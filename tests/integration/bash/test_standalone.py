"""`python -m doitstack shell-library` and `request`, from any directory, without a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import clean_environment

pytestmark = pytest.mark.usefixtures("served_runs")


@pytest.fixture(params=["/", "here"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path if request.param == "here" else Path(request.param)


def bash(script: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=cwd,
        env=clean_environment(PYTHON=sys.executable, **environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_library_is_sourced_from_anywhere(anywhere: Path, tmp_path: Path) -> None:
    done = bash(
        'source "$($PYTHON -m doitstack shell-library)"\n'
        "iniset $DEST/a.ini s k v; iniget $DEST/a.ini s k\n"
        "async_init; async_run job echo from the job; async_wait job; async_cleanup",
        anywhere,
        DEST=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("v\n[Async job:")
    assert "\nfrom the job\n" in done.stdout


def test_request_is_answered_from_anywhere(anywhere: Path, tmp_path: Path) -> None:
    environ = {"TOP_DIR": str(tmp_path), "DEST": str(tmp_path / "dest")}
    environ["DOITSTACK_PYTHON"] = sys.executable
    done = bash(
        'source "$($PYTHON -m doitstack shell-library)"\n'
        "service_check\n"
        "doitstack_request no_such_verb || echo code $?",
        anywhere,
        **environ,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "code 1\n"
    assert "no such request; there are " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["request"], ["no-such-verb"], []])
def test_wrong_call_is_one_line(arguments: list[str], anywhere: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doitstack", *arguments],
        cwd=anywhere,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith(("usage: ", "ERROR: "))
    assert len(done.stderr.splitlines()) == 1


def test_lock_works_without_a_run_and_daemons_do_not_keep_it(tmp_path: Path) -> None:
    work = 'work() { echo "start $1" >>order; sleep 0.05; echo "end $1" >>order; }\n'
    done = bash(
        'source "$($PYTHON -m doitstack shell-library)"\n' + work + "async_init\n"
        "daemon() { work a; sleep 300 & echo $! >pid; }\n"
        "async_run --lock apt a daemon\n"
        "async_run --lock apt b work b\n"
        "async_run --lock other c true\n"
        "async_wait a b c; kill $(<pid)",
        tmp_path,
        DEST=str(tmp_path),
    )
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "order").read_text().splitlines()
    assert [line.replace("start", "end") for line in lines[::2]] == lines[1::2]
    assert sorted(lines[::2]) == ["start a", "start b"]


def test_bad_lock_is_refused_without_a_run(tmp_path: Path) -> None:
    done = bash(
        'source "$($PYTHON -m doitstack shell-library)"; async_init; async_run --lock ../x a true',
        tmp_path,
        DEST=str(tmp_path),
    )
    assert done.returncode == 1
    assert "bad name for a lock: '../x'" in done.stderr
