"""Stars instead of secrets."""

import json
import os
import re
import shlex
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from doitstack.config.masking import CHUNK, Mask, mask_file, mask_lines, masked_chunks

AWKWARD = "p w$'\"\\/@:é&"


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("hunter22", "xhunter22y", "x***y"),
        ("secret", "secret, secrets, my_secret, (secret)", "***, secrets, my_secret, (***)"),
        ("secret", "\\nsecret", "\\n***"),
        ("secret", "mysql://root:secret@host/secret", "mysql://root:***@host/***"),
        ("anysecretislong", "xanysecretislongx", "x***x"),
        ("other", "https://u:p@h:80/ https://h:80/a@b", "https://u:***@h:80/ https://h:80/a@b"),
        ("other", "no secret", "no secret"),
    ],
)
def test_secrets_are_stars(secret: str, text: str, shown: str) -> None:
    mask = Mask([secret])
    assert mask.text(text) == shown
    data = mask.data(text.encode())
    assert len(data) == len(text)
    assert re.sub(rb"\*+", b"***", data).decode() == shown


def test_secret_that_contains_another_is_masked_whole() -> None:
    assert Mask(["hunter22", "hunter22x"]).text("hunter22x hunter22") == "*** ***"


@pytest.mark.parametrize(
    "spelling",
    [
        quote(AWKWARD, safe=""),
        quote_plus(AWKWARD),
        json.dumps({"a": AWKWARD}),
        repr(["'", AWKWARD]),
        shlex.quote(AWKWARD),
        subprocess.check_output(
            ["bash", "-xc", ': "$1"', "-", AWKWARD], stderr=subprocess.STDOUT, text=True
        ),
        subprocess.check_output(["bash", "-c", 'printf %q "$1"', "-", AWKWARD], text=True),
        AWKWARD.replace("$", "$$"),
    ],
)
def test_secret_is_found_as_programs_write_it(spelling: str) -> None:
    masked = Mask([AWKWARD]).text(spelling)
    assert "***" in masked
    assert not set(masked) & set("wé"), masked


@pytest.mark.parametrize("secret", ["secret", "hunter22", "ÿ>?ÿ>?~~~p w", "a" * 33, "short"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "admin:"])
@pytest.mark.parametrize("rest", ["", "x", "xy", ":domain"])
def test_secret_is_found_in_base64(
    secret: str, encode: Callable[[bytes], bytes], user: str, rest: str
) -> None:
    encoded = encode(f"{user}{secret}{rest}".encode())
    masked = Mask([secret]).data(b"Basic " + encoded)[6:]
    assert len(masked) == len(encoded)
    assert masked.count(b"*") >= len(secret.encode()) * 8 // 6 - 2
    assert len(re.findall(rb"\*+", masked)) == 1


def test_bytes_that_are_no_text_are_kept() -> None:
    secret = os.fsdecode(b"\xffhunter")
    assert Mask([secret]).data(b"\x00\xffhunter\xfe") == b"\x00*******\xfe"


@pytest.mark.parametrize(
    ("data", "settled"),
    [
        (b"all hunter22\n", b"all ********\n"),
        (b"all hunter2", b"all "),
        (b"all hunter22,", b"all ********,"),
        (b"a secret", b"a "),
        (b"a secrets", b"a secret"),
        (b"22 hunter22", b"22 "),
        (b"h", b""),
        (b"at http://me:xyz", b"at http"),
        (b"at http://me:xyz@", b"at http://me:***@"),
        (b"at http://me:8080/", b"at http://me:8080/"),
    ],
)
def test_what_may_become_a_secret_is_not_settled(data: bytes, settled: bytes) -> None:
    assert Mask(["hunter22", "secret", "2abcd"]).settled(data) == settled


def test_secret_of_many_lines_is_not_settled_at_the_end_of_a_line() -> None:
    mask = Mask(["first\nsecond"])
    assert mask.settled(b"a first\n") == b"a "
    assert mask.settled(b"a first\nsecond\n") == b"a ************\n"


@pytest.mark.parametrize("cut", range(1, 25))
def test_chunks_are_masked_wherever_they_are_cut(cut: int) -> None:
    data = b"one hunter22 and a secret"
    chunks = masked_chunks([data[:cut], data[cut:]], lambda: Mask(["hunter22", "secret"]))
    assert b"".join(chunks) == b"one ******** and a ******"


def test_secrets_in_a_file_are_overwritten_in_place(tmp_path: Path) -> None:
    path = tmp_path / "trace.log"
    path.write_text("hunter22\n+ login hunter22 hunter22x\nhunter\n")
    mask_file(path, Mask(["hunter22x", "hunter22"]), len("hunter22\n"))
    assert path.read_text() == "hunter22\n+ login ******** *********\nhunter\n"
    mask_file(tmp_path / "missing", Mask())
    assert not (tmp_path / "missing").exists()


def test_secrets_at_the_edges_of_chunks_are_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    before = b"x" * (CHUNK - 4)
    path.write_bytes(before + b"hunter22" + before + b"hunter22")
    mask_file(path, Mask(["hunter22"]))
    assert path.read_bytes() == before + b"*" * 8 + before + b"*" * 8


def test_whole_lines_are_overwritten_in_place(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("one secret\n\ntwo\nsecret secret")
    mask_lines(path, Mask(["secret"]).data)
    assert path.read_text() == "one ******\n\ntwo\nsecret secret"
    mask_lines(tmp_path / "none", Mask(["secret"]).data)
    assert not (tmp_path / "none").exists()


def test_log_that_is_a_link_to_a_device_without_an_end_is_left_alone() -> None:
    mask_file(Path("/dev/full"), Mask(["hunter22"]))
