"""Times and counts as text."""

import pytest

from doitstack.reports.formatting import (
    brief_list,
    counted,
    format_change,
    format_clock,
    format_date,
    format_duration,
    format_tick,
    iso_date,
)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.004, "< 0.01 s"),
        (0.042, "0.04 s"),
        (0.096, "0.1 s"),
        (8.249, "8.2 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (192.4, "3 min 12 s"),
        (3599.7, "1 h 00 min"),
        (3900, "1 h 05 min"),
        (-2.5, "\N{MINUS SIGN}2.5 s"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_changes_have_a_sign() -> None:
    assert [format_change(seconds) for seconds in (1.5, 0, -1.5)] == [
        "+1.5 s",
        "0 s",
        "\N{MINUS SIGN}1.5 s",
    ]


def test_dates_are_utc() -> None:
    assert format_date(1_000_000_000) == "9 September 2001, 01:46 UTC"
    assert iso_date(1_000_000_000) == "2001-09-09T01:46:40Z"


def test_counts() -> None:
    assert [counted(number, "step") for number in (0, 1, 2)] == ["0 steps", "1 step", "2 steps"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1:00"),
        (3599.6, "1:00:00"),
        (3723, "1:02:03"),
    ],
)
def test_clock(seconds: float, text: str) -> None:
    assert format_clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "every", "text"),
    [(0.5, 0.5, "0.5 s"), (90, 30, "1:30"), (300, 60, "5 min"), (3900, 300, "1 h 05")],
)
def test_ticks(seconds: float, every: float, text: str) -> None:
    assert format_tick(seconds, every) == text


def test_long_list_is_cut() -> None:
    assert brief_list([], 2) == ""
    assert brief_list(["a", "b"], 2) == "a, b"
    assert brief_list(["a", "b", "c", "d"], 2) == "a, b and 2 more"
