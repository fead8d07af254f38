"""Names of programs from the files of their configuration."""

from pathlib import Path

from doitstack.services.program_files import program_names


def test_programs_are_found_by_their_files(tmp_path: Path) -> None:
    assert program_names(tmp_path) == []
    (tmp_path / "conf.d").mkdir()
    for name in ("n-api.conf", "keystone.conf", "keystone.sh"):
        (tmp_path / "conf.d" / name).touch()
    assert program_names(tmp_path) == ["keystone", "n-api"]
