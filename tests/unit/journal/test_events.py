"""The kinds of event."""

from doitstack.journal.events import StepStart
from doitstack.phases import Phase
from doitstack.planning.plan import PlannedStep
from doitstack.steps import Kind, Step


def test_step_event_of_a_planned_step() -> None:
    step = Step(Kind.ASYNC_RUN, "a", waits=("b",))
    planned = PlannedStep(3, Phase.INSTALL, "p", "stack:install:p:a", step, ("before",))
    assert StepStart.of(planned) == StepStart(
        task="stack:install:p:a",
        phase="stack install",
        plugin="p",
        step="a",
        kind=Kind.ASYNC_RUN,
        waits=("b",),
        needs=("before",),
    )
