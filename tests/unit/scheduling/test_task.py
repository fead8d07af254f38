"""The states of a task fit together."""

from doitstack.scheduling.task import BAD, GOOD, NEXT, PENDING, READY, State

ENDS = GOOD | BAD


def test_each_state_is_pending_running_or_one_kind_of_end() -> None:
    kinds = [PENDING, {State.RUNNING}, GOOD, BAD]
    assert sorted(state.name for kind in kinds for state in kind) == sorted(State.__members__)


def test_an_end_is_final_and_every_other_state_leads_to_one() -> None:
    assert NEXT.keys() == set(State) - ENDS
    reached = set(ENDS)
    for _ in State:
        reached |= {state for state, after in NEXT.items() if after & reached}
    assert reached == set(State)


def test_nothing_runs_that_was_not_queued_and_nothing_starts_again() -> None:
    assert {state for state, after in NEXT.items() if State.RUNNING in after} == {State.QUEUED}
    assert NEXT[State.RUNNING] <= ENDS
    assert State.WAITING not in NEXT[State.QUEUED]


def test_ready_is_what_has_all_it_needs_and_has_not_ended() -> None:
    assert {State.DUE, *NEXT[State.DUE], *NEXT[State.QUEUED]} - ENDS - {State.WAITING} == READY
