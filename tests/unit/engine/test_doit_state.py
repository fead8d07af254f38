"""doit's own state."""

from pathlib import Path

import pytest
from doit.dependency import JSONCodec

from doitstack.engine.doit_state import AtomicJsonDB


@pytest.mark.parametrize("content", [b'{"half', b"\xff\x00", b""])
def test_state_that_cannot_be_read_is_an_empty_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    backend = AtomicJsonDB(str(path), JSONCodec())
    assert not backend.in_("task")
    assert capsys.readouterr().err == (
        f"WARNING: what is up to date cannot be read from {path}; "
        f"this run will do more than it must\n"
    )

    backend.set("task", "result:", "1")
    backend.dump()
    assert AtomicJsonDB(str(path), JSONCodec()).get("task", "result:") == "1"
    assert capsys.readouterr().err == ""
