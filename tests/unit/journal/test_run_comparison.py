"""A run compared with an earlier one."""

from pathlib import Path

from doitstack.journal.events import Event
from doitstack.journal.run_comparison import compare, run_before
from tests.unit.runs import record, run_end, run_start, step, step_end, step_skipped, write_journal


def _run(*steps: tuple[str, float], tasks: tuple[str, ...] = ("stack",)) -> list[Event]:
    events, now = [run_start(0, tasks=tasks)], 0.0
    for name, seconds in steps:
        events += [step(now, name), step_end(now + seconds, name)]
        now += seconds
    return [*events, run_end(now)]


def test_changes_are_by_step_the_greatest_first() -> None:
    comparison = compare(
        record(_run(("a", 5), ("b", 2), ("fresh", 1))),
        record(_run(("a", 4), ("b", 9), ("lost", 1)), "before"),
    )
    assert [(c.step.name, c.before.seconds, c.seconds) for c in comparison.changes] == [
        ("b", 9, -7),
        ("a", 4, 1),
    ]
    assert [s.name for s in comparison.new] == ["fresh"]
    assert [s.name for s in comparison.gone] == ["lost"]


def test_what_did_not_end_well_is_not_compared() -> None:
    failed = [run_start(0), step(0, "a"), step_end(9, "a", "failed"), run_end(9, code=1)]
    for now, then in ((failed, _run(("a", 4))), (_run(("a", 4)), failed)):
        comparison = compare(record(now), record(then))
        assert (comparison.changes, comparison.new, comparison.gone) == ((), (), ())


def test_what_was_up_to_date_is_not_compared() -> None:
    skipped = [run_start(0), step_skipped(0, "a"), run_end(1)]
    comparison = compare(record(skipped), record(_run(("a", 4))))
    assert comparison.changes == ()
    assert [s.name for s in comparison.gone] == ["a"]


def test_run_before_has_the_same_tasks_and_half_of_the_steps(tmp_path: Path) -> None:
    write_journal(tmp_path, "1", _run(("a", 1), ("b", 1)))
    write_journal(tmp_path, "2", _run(("a", 2), ("b", 1)))
    write_journal(tmp_path, "3", _run(("a", 3), tasks=("tempest",)))
    write_journal(tmp_path, "4", _run(("other", 4)))
    write_journal(tmp_path, "45", _run(("c", 1)))
    write_journal(tmp_path, "5", _run()[1:])
    run = record(_run(("a", 6), ("b", 1), ("c", 1)), "6")
    write_journal(tmp_path, "7", _run(("a", 7)))

    before = run_before(tmp_path, run)
    assert before
    assert before.name == "2"
    assert run_before(tmp_path, record(_run(("a", 1), ("b", 1)), "1")) is None
