"""The mark of a DEST."""

from pathlib import Path

from doitstack.config.dest_mark import record_stack_directory, stack_directory_of


def test_stack_directory_is_recorded(tmp_path: Path) -> None:
    mark = tmp_path / ".doitstack"
    mark.write_text("found by doitstack\n")
    assert stack_directory_of(tmp_path) == ""
    for top in ("/one", "/two words"):
        record_stack_directory(tmp_path, Path(top))
        assert mark.read_text() == f"found by doitstack\nTOP_DIR={top}\n"
        assert stack_directory_of(tmp_path) == top


def test_default_dest_of_an_earlier_version_is_known(tmp_path: Path) -> None:
    (tmp_path / ".stack").mkdir()
    assert stack_directory_of(tmp_path / ".stack") == "", "it has no mark"
    (tmp_path / ".stack" / ".doitstack").write_text("made by doitstack\n")
    assert stack_directory_of(tmp_path / ".stack") == str(tmp_path)
