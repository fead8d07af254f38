"""doit's own state."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from doit.dependency import JSONCodec

from doitstack.engine.doit_state import AtomicJsonDB


@pytest.mark.parametrize(
    "content",
    [
        *(b'{"half', b"\xff\x00", b"", b"[]", b"1", b"null", b"\0" * 100, b"[" * 100_000),
        *(b'{"task": 1}', b'{"task": {"_values_:": 1}}', b'{"task": {"deps:": [1]}}'),
        *(b'{"task": {"deps:": 1}}', b'{"task": {"some/file": [1]}}'),
    ],
)
def test_state_that_cannot_be_read_is_an_empty_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    backend = AtomicJsonDB(str(path), JSONCodec())
    assert not backend.in_("task")
    assert capsys.readouterr().err == (
        f"WARNING: {path} is damaged or cannot be read; steps that are up to date may run again\n"
    )

    backend.set("task", "result:", "1")
    backend.dump()
    assert AtomicJsonDB(str(path), JSONCodec()).get("task", "result:") == "1"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_an_empty_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    make(tmp_path / "state")
    backend = AtomicJsonDB(str(tmp_path / "state"), JSONCodec())
    assert not backend.in_("task")
    backend.dump()
    backend.dump()
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == (1 if make is os.mkfifo else 2)
    assert all(f" {tmp_path}/state" in line for line in lines)


def test_sound_tasks_of_a_damaged_state_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_text('{"bad": 1, "good": {"_values_:": {}, "deps:": ["f"], "f": [1.0, 2, "md5"]}}')
    backend = AtomicJsonDB(str(path), JSONCodec())
    assert backend.in_("good")
    assert not backend.in_("bad")
