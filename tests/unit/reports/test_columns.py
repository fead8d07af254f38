"""Rows in the columns of a terminal."""

import pytest

from doitstack.reports.columns import broken, definitions, fitted, table


def test_widest_columns_give_way_first() -> None:
    assert fitted([10, 50, 40], 80) == [10, 33, 33]
    assert fitted([10, 20], 80) == [10, 20]


def test_columns_keep_some_room() -> None:
    assert fitted([50, 50, 50], 10) == [8, 8, 8]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a few words", ["a few", "words"]),
        (".stack/async/build.log", [".stack/", "async/", "build.log"]),
        ("abcdefghijklm", ["abcdefghi", "jklm"]),
        ("", [""]),
    ],
)
def test_cells_lose_no_character(text: str, lines: list[str]) -> None:
    assert broken(text, 9) == lines
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_table_fits() -> None:
    rows = [("install_tempest", "collected", ".stack/async/install_tempest.log")]
    text = table(rows, ("future", "state", "log"), 40)
    assert max(map(len, text.splitlines())) <= 40
    assert "collected" in text


def test_table_without_a_width_has_a_line_for_each_row() -> None:
    assert table([("a", "b" * 200)], ("one", "two")).splitlines()[-1] == f"a      {'b' * 200}"


def test_description_of_a_long_name_comes_below_it() -> None:
    assert definitions([("a", "first"), ("a-very-long-name", "second one")], 20) == (
        "a         first\na-very-long-name\n          second\n          one\n"
    )
