"""What is installed: the same wherever it is, other if a file is, unknown if it can change."""

from pathlib import Path

from doitstack.installed_files import files_digest


def install(directory: Path, *, content: str = "1", script: str = "2", origin: str = "") -> Path:
    """Make a site-packages directory with the record of one package."""
    info = directory / "sea_tides-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "RECORD").write_text(
        f"../../../bin/tides-manage,sha256={script},9\n"
        f"../../../etc/tides/api-paste.ini,sha256=3,9\n"
        f"tides/migrations.py,sha256={content},9\n"
        f"{info.name}/direct_url.json,sha256={script},9\n"
    )
    if origin:
        (info / "direct_url.json").write_text(origin)
    return directory


def test_place_and_scripts_do_not_count(tmp_path: Path) -> None:
    first, second = install(tmp_path / "a"), install(tmp_path / "b", script="other")
    assert files_digest(first) == files_digest(second) != ""


def test_each_file_counts(tmp_path: Path) -> None:
    first, second = install(tmp_path / "a"), install(tmp_path / "b", content="other")
    assert files_digest(first) != files_digest(second)


def test_order_of_a_record_does_not_count(tmp_path: Path) -> None:
    first, second = install(tmp_path / "a"), install(tmp_path / "b")
    (record,) = second.glob("*/RECORD")
    record.write_text("\n".join(reversed(record.read_text().splitlines())))
    assert files_digest(first) == files_digest(second)


def test_nothing_has_no_digest(tmp_path: Path) -> None:
    assert files_digest(tmp_path) == ""


def test_editable_package_is_unknown_unless_the_caller_knows_its_tree(tmp_path: Path) -> None:
    editable = install(tmp_path / "a", origin='{"dir_info": {"editable": true}}')
    assert files_digest(editable) == ""
    assert files_digest(editable, {"other"}) == ""
    assert files_digest(editable, {"sea-tides"}) != ""
    copied = install(tmp_path / "b", origin='{"dir_info": {}}')
    assert files_digest(copied) == files_digest(install(tmp_path / "c"))
