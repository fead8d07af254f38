"""Damaged state files: one line names the file, nothing hangs, and teardown continues."""

import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import damage
from tests.campaign.kill_plans import services_plan
from tests.conftest import MakeStackDir, StackDir
from tests.integration.probes import plugin

pytestmark = pytest.mark.usefixtures("served_runs")

FILES = {
    "extras.d/50-demo.py": plugin("""
        @hookimpl
        def stack_install(stack):
            yield run(["true"], uptodate=[True])
            yield async_run("f", ["true"])
            yield async_wait("f")

        @hookimpl
        def unstack(stack):
            yield run(["touch", "unstacked"])
    """),
    "extras.d/60-script.sh": "echo script\n",
}
LINES = (
    b'1\n{}\nnull\n[]\n"x"\n{"event": [], "time": 1}\n{"event": "run_end", "time": null}\n\0\0\n'
)


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _text(text: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(text)


def _journal(stack: StackDir) -> str:
    return str(max((stack.dest / "logs" / "runs").glob("*.jsonl")).relative_to(stack.dest))


CASES = {
    "state is a list": (".doit.db", _text(b"[]")),
    "state is a FIFO": (".doit.db", _fifo),
    "state is a directory": (".doit.db", _directory),
    "passwords are bytes": ("passwords", _text(b"ADMIN_PASSWORD=\xff\xfe\n")),
    "passwords are a FIFO": ("passwords", _fifo),
}


@pytest.mark.parametrize("case", CASES)
def test_damaged_file_is_one_line_and_teardown_goes_on(stack_dir: MakeStackDir, case: str) -> None:
    name, damage = CASES[case]
    stack = stack_dir(FILES)
    stack.run("stack").ok()
    journal = stack.dest / _journal(stack)
    journal.write_bytes(journal.read_bytes() + LINES)
    os.mkfifo(stack.dest / "async" / "pipe.ini")
    os.mkfifo(stack.dest / "logs" / "runs" / "99999999T000000.000000000.jsonl")
    damage(stack.dest / name)

    outcomes = [stack.run(*words) for words in (["timing"], ["futures"], ["stack"], ["unstack"])]
    timing, futures, again, unstack = outcomes

    assert timing.code == futures.code == unstack.code == 0
    assert again.code == (1 if name == "passwords" else 0)
    assert str(stack.dest / name) in again.out
    assert (stack.path / "unstacked").exists()
    damage(stack.dest / name) if (stack.dest / name).is_file() else None
    clean = stack.run("clean").ok()
    assert not stack.dest.exists()
    assert not any("Traceback" in outcome.out for outcome in (*outcomes, clean))


@pytest.mark.full
def test_something_else_in_a_place_below_dest_leaves_nothing(stack_dir: MakeStackDir) -> None:
    mark, plan = uuid.uuid4().hex, services_plan()
    campaign = damage.Campaign(stack_dir(plan.files, TEST_MARK=mark), mark, 1, plan)
    done = [campaign.one("supervisor", "link to nothing"), *campaign.rounds(6)]
    assert [one for one in done if one.faults] == []


def test_journals_of_old_runs_do_not_pile_up(stack_dir: MakeStackDir) -> None:
    stack = stack_dir(KEEP_RUNS="2")
    for command in ("stack", "unstack", "stack"):
        stack.run(command).ok()
    assert len(list((stack.dest / "logs" / "runs").iterdir())) == 2
