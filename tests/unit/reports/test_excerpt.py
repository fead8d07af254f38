"""The lines of a log that are worth to be shown."""

from doitstack.reports.excerpt import telling


def test_lines_of_ours_and_traces_are_left_out() -> None:
    lines = [
        "==> stack install: demo: bad",
        "real",
        "+ sleep 1",
        "++ date +%s",
        "+ script.sh:f:12 :   false",
        "[Async other:123]: finished successfully",
        "... still running: demo: bad (30 s)",
        "Stopped async future x",
        "real too",
        "",
        "",
    ]
    assert telling(lines) == ["real", "real too"]


def test_real_lines_that_begin_with_a_plus_are_kept() -> None:
    lines = ["+----+----+", "+1 more", "+added", "+    indented", "+", "end"]
    assert telling(lines) == lines


def test_where_all_lines_look_like_a_trace_they_are_shown() -> None:
    assert telling(["+ one", "+ two", ""]) == ["+ one", "+ two"]
    assert telling([]) == telling([""]) == []


def test_lines_do_not_move_the_cursor() -> None:
    lines = [
        "\x1b[31mred\x1b[0m \x1b]0;title\x07text\x1b[2K",
        "10 %\r50 %\r100 %\r",
        "a\tb",
        "bell\x07",
        "x" * 1000,
    ]
    assert telling(lines) == ["red text", "100 %", "a       b", "bell?", "x" * 500]
