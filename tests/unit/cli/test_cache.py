"""`python -m doitstack cache`."""

from pathlib import Path

import pytest

from doitstack.__main__ import main

NAMES = ("bytecode", "schemas", "static-files", "hosts", "guests")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache of a stack directory, the current one: byte code of 1 MiB, schemas of 2,
    static files of 3, environments for other hosts of 4 and files for guests of 5."""
    top_dir = tmp_path / "stack"
    top_dir.mkdir()
    directory = tmp_path / "cache"
    for mebibytes, name in enumerate(NAMES, start=1):
        (directory / name).mkdir(mode=0o700, parents=True)
        (directory / name / "file").write_bytes(bytes(mebibytes * 2**20))
    setting = f"DOITSTACK_CACHE_DIR={directory}"
    (top_dir / "local.conf").write_text(f"[[local|localrc]]\n{setting}\n")
    monkeypatch.delenv("DOITSTACK_CACHE_DIR", raising=False)
    monkeypatch.chdir(top_dir)
    return directory


def lines(cache: Path, verb: str = "") -> str:
    return "".join(
        f"{verb}{cache}/{name}: 1 files, {number} MiB\n"
        for number, name in enumerate(NAMES, start=1)
    )


def test_caches_are_shown(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    assert capsys.readouterr().out == lines(cache)
    assert len(list(cache.glob("*/file"))) == len(NAMES)


def test_caches_are_removed(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == lines(cache, "removed ")
    assert list(cache.iterdir()) == []
    assert main(["cache", "--clear"]) == 0


@pytest.mark.parametrize("name", NAMES)
def test_another_directory_is_not_removed(
    cache: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (cache / name).chmod(0o755)
    assert main(["cache", "--clear"]) == 3
    assert "not a directory of your own" in capsys.readouterr().err
    assert (cache / name / "file").exists()
