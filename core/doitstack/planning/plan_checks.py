"""Make the checks of a plan (`only_looks`) before anything runs, as `doit plan` does."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout

from doitstack.errors import DoitstackError, NotWhileLooking
from doitstack.phases import Phase
from doitstack.planning.call_action import call_in_step
from doitstack.planning.plan import Plan, PlannedStep
from doitstack.stack import Stack
from doitstack.steps import Step


def failed_checks(plan: Plan, stack: Stack) -> Iterator[str]:
    """Yield a message for each check of `pre-install` that fails, as a run would report it.

    A check is passed over if it comes after a step of its plugin that does something, if it may be
    up to date, or if it does more than to look.
    """
    for planned in _checks(plan):
        try:
            with stack.looking(), redirect_stdout(sys.stderr):
                _look(planned.step, stack)
        except NotWhileLooking:
            continue
        except DoitstackError as error:
            step = f"plugin {planned.plugin}: step {planned.step.name}"
            yield f"{planned.phase.value}: {step}: {error}"


def _checks(plan: Plan) -> Iterator[PlannedStep]:
    changed = set()
    for planned in plan.of_phase(Phase.PRE_INSTALL):
        if not planned.step.only_looks:
            changed.add(planned.plugin)
        elif planned.plugin not in changed and not planned.step.doit:
            yield planned


def _look(step: Step, stack: Stack) -> None:
    if callable(step.action):
        call_in_step(step.action, stack, *step.args)
    elif isinstance(step.action, Sequence):
        stack.output_of(step.action)
