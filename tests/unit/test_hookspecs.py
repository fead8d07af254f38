"""There is a hook for each phase, and one for tasks."""

import inspect

import pytest

from doitstack import hookspecs
from doitstack.phases import SETTINGS_PHASES, Phase
from doitstack.planning.plugin import HOOKS


def test_each_phase_has_a_hook_and_no_other_hook_exists() -> None:
    marked = {
        name for name in vars(hookspecs) if hasattr(getattr(hookspecs, name), "doitstack_spec")
    }
    assert marked == set(HOOKS)


@pytest.mark.parametrize("phase", Phase)
def test_hook_gets_the_settings_or_the_stack(phase: Phase) -> None:
    parameters = list(inspect.signature(getattr(hookspecs, phase.hook)).parameters)
    assert parameters == (["settings"] if phase in SETTINGS_PHASES else ["stack"])
