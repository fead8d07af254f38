"""Settings that name files."""

import re
from pathlib import Path

import pytest

from doitstack.config.files_of_settings import file_or_url
from doitstack.config.settings import load_settings
from doitstack.errors import MissingFileError


def check(top: Path, value: str) -> None:
    (top / "there").write_text("")
    (top / "local.conf").write_text(f"[[local|localrc]]\nNAME={value}\n")
    file_or_url(load_settings(top, {}), "NAME")


@pytest.mark.parametrize(
    "value", ["there", "$TOP_DIR/there", "https://h/x", "file://$TOP_DIR/there"]
)
def test_files_and_urls_are_taken(tmp_path: Path, value: str) -> None:
    check(tmp_path, value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("gone", "TOP/gone"),
        ("/gone", "/gone"),
        ("file:///gone%20x", "/gone x"),
        ("file://localhost/gone", "/gone"),
        (".", "TOP"),
    ],
)
def test_missing_file_is_named_with_the_line(tmp_path: Path, value: str, path: str) -> None:
    message = (
        f"{tmp_path}/local.conf:2: NAME={value}: there is no file "
        f"{path.replace('TOP', str(tmp_path))}"
    )
    with pytest.raises(MissingFileError, match=f"^{re.escape(message)}$"):
        check(tmp_path, value)
