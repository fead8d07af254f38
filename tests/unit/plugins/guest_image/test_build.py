"""The disk of the image: its partitions, and the scripts in it."""

import struct
from pathlib import Path

import pytest

from doitstack_plugins.guest_image import build


def test_partitions_lie_one_after_the_other() -> None:
    table = build.partition_table()
    assert len(table) == 66
    assert table.endswith(b"\x55\xaa")
    entries = [struct.unpack("<B3sB3sII", table[16 * n : 16 * n + 16]) for n in range(2)]
    (active, _, fat, _, start, size), (_, _, linux, _, next_start, _) = entries
    assert (active, fat, linux) == (0x80, 0x0E, 0x83)
    assert next_start == start + size


def test_another_script_makes_another_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = build.generation()
    assert build.generation() == before
    (tmp_path / "boot.sh").write_text("#!/bin/sh\n")
    monkeypatch.setattr(build, "_SCRIPTS", tmp_path)
    assert build.generation() != before
