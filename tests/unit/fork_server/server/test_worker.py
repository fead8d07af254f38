"""How a fork runs the program: its end, its signals and its streams (see also test_client)."""

import os
import signal
import sys
from pathlib import Path

import pytest

from fork_server.server.worker import _stream, run_main


def run(script: Path, text: str) -> tuple[int, signal.Signals | None]:
    script.write_text(text)
    return run_main(compile(text, str(script), "exec"), str(script))


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    return tmp_path / "tool"


@pytest.mark.parametrize(
    ("text", "code", "err"),
    [
        ("", 0, ""),
        ("raise SystemExit", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise SystemExit(-1)", 255, ""),
        ("raise SystemExit('some words')", 1, "some words\n"),
    ],
)
def test_exit_code_is_pythons(
    script: Path, capsys: pytest.CaptureFixture[str], text: str, code: int, err: str
) -> None:
    assert run(script, text) == (code, None)
    assert capsys.readouterr().err == err


def test_traceback_begins_with_the_program(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(script, "1 / 0") == (1, None)
    err = capsys.readouterr().err
    assert err.startswith(f'Traceback (most recent call last):\n  File "{script}", line 1')
    assert err.endswith("ZeroDivisionError: division by zero\n")


@pytest.mark.usefixtures("capsys")
def test_interrupted_program_ends_by_the_signal(script: Path) -> None:
    assert run(script, "raise KeyboardInterrupt") == (1, signal.SIGINT)


def test_program_is_the_main_module(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(script, "import sys; print(__name__, __file__, sys.modules['__main__'].__file__)")
    assert capsys.readouterr().out == f"__main__ {script} {script}\n"


@pytest.mark.parametrize(("is_buffered", "written"), [(True, b""), (False, "ü".encode())])
def test_unbuffered_stream_writes_at_once(is_buffered: bool, written: bytes) -> None:
    before = os.dup(1)
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        os.dup2(writer, 1)
        stream = _stream(1, "utf-8", "strict", is_buffered=is_buffered)
        stream.write("ü")
        found = os.read(reader, 10) if written else b""
        if not written:
            with pytest.raises(BlockingIOError):
                os.read(reader, 10)
        stream.flush()
    finally:
        os.dup2(before, 1)
        for descriptor in (before, reader, writer):
            os.close(descriptor)
    assert (found, stream.name, stream.mode) == (written, "<stdout>", "w")
