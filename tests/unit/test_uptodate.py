"""The `uptodate` that compares what a step was made from."""

from typing import Any

from doit.task import Task

from doitstack.uptodate import Unchanged, digest, unless_failed


def saved_by(task: Task) -> dict[str, Any]:
    task.save_extra_values()
    return dict(task.values)


def test_unchanged_is_true_after_a_good_run_with_the_same_texts() -> None:
    text = ["a"]
    check = Unchanged(lambda: text[0], lambda: "b")
    task = Task("t", None)
    assert check(task, {}) is False
    values = saved_by(task)
    assert check(Task("t", None), values) is True
    text[0] = "c"
    assert check(Task("t", None), values) is False


def test_unchanged_compares_with_the_end_of_the_last_step() -> None:
    made: list[str] = []
    check = Unchanged(lambda: "".join(made))
    task = Task("t", None)
    assert check(task, {}) is False
    made.append("database 1")
    values = saved_by(task)
    assert check(Task("t", None), values) is True


def test_unchanged_keeps_no_secret() -> None:
    task = Task("t", None)
    Unchanged(lambda: "hunter2")(task, {})
    assert "hunter2" not in str(saved_by(task))


def test_digest_distinguishes_texts_by_their_borders() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_what_has_not_succeeded_is_not_up_to_date() -> None:
    task = Task("t", None)
    assert unless_failed(task, {}) is False
    assert unless_failed(Task("t", None), saved_by(task)) is None, "the others decide"
