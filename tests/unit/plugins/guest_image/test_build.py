"""The disk of the image: its partitions, and the scripts in it."""

import os
import struct
import subprocess
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


def test_the_kernel_of_a_guest_does_not_check_its_timer() -> None:
    # It would panic where QEMU gets so little of the CPU that ten ticks take too long.
    script = Path(build.__file__).with_name("guest") / "syslinux.cfg"
    [options] = (line for line in script.read_text().splitlines() if "APPEND" in line)
    assert "no_timer_check" in options.split()


def test_curl_of_a_guest_sends_what_it_is_given(tmp_path: Path) -> None:
    # In place of nc, a program that keeps the request.
    nc = tmp_path / "nc"
    nc.write_text(f"#!/bin/sh\ncat > {tmp_path}/request\nprintf 'HTTP/1.0 200 OK\\r\\n\\r\\nyes'\n")
    nc.chmod(0o755)
    script = Path(build.__file__).with_name("guest") / "curl.sh"
    done = subprocess.run(
        ["sh", script, "-X", "POST", "-d", "secret", "http://169.254.169.254/openstack/password"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"yes"
    request = (tmp_path / "request").read_bytes()
    assert request.startswith(b"POST /openstack/password HTTP/1.0\r\n")
    assert request.endswith(b"Content-Length: 6\r\n\r\nsecret")
