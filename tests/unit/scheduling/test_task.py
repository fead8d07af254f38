"""The states of a task fit together."""

from doitstack.scheduling.task import BAD, GOOD, NEXT, PENDING, READY, TaskState

ENDS = GOOD | BAD


def test_each_state_is_pending_running_or_one_kind_of_end() -> None:
    kinds = [PENDING, {TaskState.RUNNING}, GOOD, BAD]
    assert sorted(state.name for kind in kinds for state in kind) == sorted(TaskState.__members__)


def test_an_end_is_final_and_every_other_state_leads_to_one() -> None:
    assert NEXT.keys() == set(TaskState) - ENDS
    reached = set(ENDS)
    for _ in TaskState:
        reached |= {state for state, after in NEXT.items() if after & reached}
    assert reached == set(TaskState)


def test_nothing_runs_that_was_not_queued_and_nothing_starts_again() -> None:
    assert {state for state, after in NEXT.items() if TaskState.RUNNING in after} == {
        TaskState.QUEUED
    }
    assert NEXT[TaskState.RUNNING] <= ENDS
    assert TaskState.WAITING not in NEXT[TaskState.QUEUED]


def test_ready_is_what_has_all_it_needs_and_has_not_ended() -> None:
    assert {TaskState.DUE, *NEXT[TaskState.DUE], *NEXT[TaskState.QUEUED]} - ENDS - {
        TaskState.WAITING
    } == READY
