"""MAKEFLAGS for our slots, tried with the installed make and ninja."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from doitstack.futures.make_jobserver import make_supports_fifo, makeflags
from doitstack.futures.slots import Slots

AUTH = "--jobserver-auth=fifo:/p"
NINJA = str(Path(sys.executable).with_name("ninja"))


@pytest.mark.parametrize(
    ("inherited", "new", "old"),
    [
        ("", f" -j2 {AUTH}", f" -- {AUTH}"),
        ("k", f"k -j2 {AUTH}", f"k -- {AUTH}"),
        ("-j8", f" -j2 {AUTH}", f" -j8 -- {AUTH}"),
        ("ks -j8 -- A=b C=d", f"ks -j2 {AUTH} -- A=b C=d", f"ks -j8 -- A=b C=d {AUTH}"),
        (" -j8 --jobserver-auth=3,4 -O", f" -O -j2 {AUTH}", f" -j8 -O -- {AUTH}"),
        (" -- A=b", f" -j2 {AUTH} -- A=b", f" -- A=b {AUTH}"),
    ],
)
def test_makeflags_of_the_user_are_kept(inherited: str, new: str, old: str) -> None:
    assert makeflags(inherited, "/p", 2, fifo=True) == new
    assert makeflags(inherited, "/p", 2, fifo=False) == old


@pytest.mark.parametrize(
    ("said", "knows"),
    [
        ("GNU Make 4.3", False),
        ("GNU Make 4.4", True),
        ("GNU Make 4.4.1", True),
        ("GNU Make 4.10", True),
        ("GNU Make 5.0", True),
        ("bmake 20200710", False),
    ],
)
def test_version_of_make_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, *, knows: bool
) -> None:
    make = tmp_path / "make"
    make.write_text(f"#!/bin/sh\necho '{said}'\n")
    make.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert make_supports_fifo() is knows


def test_without_make_nothing_is_risked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make_supports_fifo() is False


@pytest.fixture
def flags() -> Iterator[str]:
    slots = Slots(1)
    assert slots.take(), "it is the build's own"
    yield makeflags("", slots.path, slots.jobs, fifo=make_supports_fifo())
    slots.close()


def build(directory: Path, flags: str, *argv: str) -> str:
    environ = {**os.environ, "MAKEFLAGS": flags}
    done = subprocess.run(
        argv, cwd=directory, env=environ, stdout=-1, stderr=-2, text=True, check=True, timeout=60
    )
    return done.stdout


needs_make = pytest.mark.skipif(not shutil.which("make"), reason="no make here")


@needs_make
def test_make_prints_no_warning(tmp_path: Path, flags: str) -> None:
    (tmp_path / "Makefile").write_text(
        "all: a b\na b:\n\t@echo $@\nsub:\n\t@$(MAKE) --no-print-directory a\n.PHONY: a b\n"
    )
    assert build(tmp_path, flags, "make", "all", "sub").split() == ["a", "b", "a"]


@needs_make
@pytest.mark.skipif(make_supports_fifo(), reason="from 4.4 make says that -j leaves the jobserver")
def test_older_make_can_be_given_jobs_as_ever(tmp_path: Path, flags: str) -> None:
    (tmp_path / "Makefile").write_text("all: a b\na b:\n\t@echo $@\n")
    assert sorted(build(tmp_path, flags, "make", "-j2").split()) == ["a", "b"]


NINJA_FILE = """\
rule mark
  command = echo start >>order; sleep 0.05; echo end >>order
build a: mark
build b: mark
build c: mark
"""


def test_ninja_keeps_to_the_slots_also_below_make(tmp_path: Path, flags: str) -> None:
    (tmp_path / "build.ninja").write_text(NINJA_FILE)
    (tmp_path / "Makefile").write_text(f"all:\n\t+@{NINJA}\n")
    for program in [NINJA], *([["make"]] if shutil.which("make") else []):
        (tmp_path / "order").write_text("")
        build(tmp_path, flags, *program)
        assert (tmp_path / "order").read_text().split() == ["start", "end"] * 3
