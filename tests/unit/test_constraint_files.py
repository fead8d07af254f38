"""The texts of constraints."""

from pathlib import Path

import pytest

from doitstack import constraint_files
from doitstack.errors import SettingsError

HASHED = (
    "one==1 \\\n    --hash=sha256:0\ntwo==2 ; python_version < '3.12' \\\n    --hash=sha256:1\n"
)


def test_text_is_that_of_a_file_or_url(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("one==1\n")
    assert constraint_files.text(str(path)) == constraint_files.text(path.as_uri()) == "one==1\n"
    assert constraint_files.content(str(path)) == "one==1\n"
    assert constraint_files.content(path.as_uri()) == path.as_uri()
    assert constraint_files.content("") == ""


@pytest.mark.parametrize("read", [constraint_files.text, constraint_files.content])
def test_missing_file_names_the_setting(tmp_path: Path, read) -> None:
    with pytest.raises(SettingsError, match=r"No such file.*set UPPER_CONSTRAINTS_FILE"):
        read(str(tmp_path / "missing"))


def test_pins_are_those_with_hashes_of_all_requirements(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text(f"{HASHED}three==3\n")
    found = constraint_files.pins(str(path), ["two", "one"])
    assert found == ["two==2 ; python_version < '3.12'", "one==1"]
    assert constraint_files.pins(str(path), ["two", "three"]) == []
