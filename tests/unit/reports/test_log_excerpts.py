"""The end of a step's own output."""

from pathlib import Path

import pytest

from doitstack.config.masking import Mask
from doitstack.journal.step_record import StepRecord
from doitstack.private_files import MOST
from doitstack.reports.log_excerpts import (
    LINES,
    WIDEST,
    RunLogs,
    cleaned,
    explaining,
    without_secrets,
)
from tests.unit.runs import (
    collected,
    future_end,
    future_start,
    record,
    run_end,
    run_start,
    step,
    step_end,
)


def _future(*, log: list[int] | None = None) -> StepRecord:
    ends = [collected(1, "a", 0.0, log=log)] if log else []
    run = record(
        [
            run_start(0),
            step(0, "a", "async_run"),
            future_start(0, "a"),
            future_end(1, "a", 0, 1),
            *ends,
            run_end(1),
        ]
    )
    return run.steps[0]


def _step(start: int, end: int) -> StepRecord:
    run = record([run_start(0), step(0, "s", log=start), step_end(1, "s", log=end), run_end(1)])
    return run.steps[0]


def test_step_has_its_part_of_the_main_log(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text("before\none\ntwo\nafter\n")
    logs = RunLogs(log, None)
    assert logs.tail(_step(7, 15)) == "one\ntwo"
    assert logs.tail(_step(7, 7)) == ""


def test_lines_of_ours_and_traces_are_not_shown(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text(
        "==> stack install: p: s\n+ false\nthe reason\n[Async a:1]: finished successfully\n"
    )
    assert RunLogs(log, None).tail(_step(0, log.stat().st_size)) == "the reason"


def test_only_the_last_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text("".join(f"line {number}\n" for number in range(1000)))
    shown = RunLogs(log, None).tail(_step(0, log.stat().st_size)).split("\n")
    assert shown == [f"line {number}" for number in range(1000 - LINES, 1000)]


def test_collected_future_has_its_part_of_the_main_log(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text("before\nof a\nafter\n")
    (tmp_path / "a.log").write_text("of a later run\n")
    assert RunLogs(log, tmp_path).tail(_future(log=(7, 12))) == "of a"


def test_other_future_has_its_own_file_while_that_is_the_last_runs(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("of a\n")
    log = tmp_path / "stack.log"
    assert RunLogs(log, tmp_path).tail(_future()) == "of a"
    assert RunLogs(log, None).tail(_future()) == ""


def test_log_that_is_gone_is_empty(tmp_path: Path) -> None:
    logs = RunLogs(tmp_path / "stack.log", tmp_path)
    assert logs.tail(_step(0, 10)) == ""
    assert logs.tail(_future()) == ""


def test_secrets_are_not_shown_not_even_half(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    secret = "s3cret" * 10
    # The part that is read begins in the midst of the secret.
    text = f"{secret}\n" + "x" * (MOST - 20)
    log.write_text(text)
    assert "et" not in RunLogs(log, None, mask=Mask([secret])).tail(_step(0, len(text)))
    log.write_text(f"password={secret}\n")
    assert RunLogs(log, None, mask=Mask([secret])).tail(_step(0, 100)) == "password=***"


def test_errors_and_commands_hide_secrets() -> None:
    run = record(
        [
            run_start(0),
            step(0, "s", log=0),
            step_end(1, "s", "failed", log=0, error="no s3cret \x1b[1mfits"),
            run_end(1, code=1),
        ]
    )
    assert without_secrets(run, Mask(["s3cret"])).steps[0].error == "no *** fits"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("50 %\r100 %\r\ndone", "50 %\n100 %\ndone"),
        ("a\x00b\x08c\td\udcffe\ufffff", "abc\tdef"),
        ("ünïcödé 🚀", "ünïcödé 🚀"),
        ("x" * 600, "x" * WIDEST + " ..."),
    ],
)
def test_text_is_cleaned(text: str, clean: str) -> None:
    assert cleaned(text) == clean


def test_lines_of_doitstack_and_traces_are_left_out() -> None:
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
    assert explaining(lines) == ["real", "real too"]


def test_real_lines_that_begin_with_a_plus_are_kept() -> None:
    lines = ["+----+----+", "+1 more", "+added", "+    indented", "+", "end"]
    assert explaining(lines) == lines


def test_where_all_lines_look_like_a_trace_they_are_shown() -> None:
    assert explaining(["+ one", "+ two", ""]) == ["+ one", "+ two"]
    assert explaining([]) == explaining([""]) == []


def test_lines_do_not_move_the_cursor() -> None:
    lines = [
        "\x1b[31mred\x1b[0m \x1b]0;title\x07text\x1b[2K",
        "10 %\r50 %\r100 %\r",
        "a\tb",
        "bell\x07",
        "x" * 1000,
    ]
    assert explaining(lines) == ["red text", "100 %", "a       b", "bell?", "x" * 500]
