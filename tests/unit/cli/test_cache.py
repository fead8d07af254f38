"""`python -m doitstack cache`."""

from pathlib import Path

import pytest

from doitstack.__main__ import main


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a stack directory, the current one, with a file of 1 MiB."""
    top_dir = tmp_path / "stack"
    top_dir.mkdir()
    directory = tmp_path / "cache" / "bytecode"
    directory.mkdir(mode=0o700, parents=True)
    (directory / "file").write_bytes(bytes(2**20))
    setting = f"DOITSTACK_CACHE_DIR={directory.parent}"
    (top_dir / "local.conf").write_text(f"[[local|localrc]]\n{setting}\n")
    monkeypatch.delenv("DOITSTACK_CACHE_DIR", raising=False)
    monkeypatch.chdir(top_dir)
    return directory


def test_cache_is_shown(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert capsys.readouterr().out == f"{cache}: 1 files, 1 MiB\n"
    assert cache.exists()


def test_cache_is_removed(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"removed {cache}: 1 files, 1 MiB\n"
    assert not cache.exists()
    assert cache.parent.exists()
    assert main(["cache", "--clear"]) == 0


def test_another_directory_is_not_removed(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cache.chmod(0o755)
    assert main(["cache", "--clear"]) == 3
    assert "not a directory of your own" in capsys.readouterr().err
    assert cache.exists()
