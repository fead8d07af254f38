"""The phases: their order and the three ways in which they are named."""

from doitstack.phases import REVERSED_PHASES, SETTINGS_PHASES, STACK_PHASES, Phase

NAMES = [
    ("override_defaults", "override_defaults", ("override_defaults",), "override_defaults"),
    ("source", "source", ("source",), "source"),
    ("stack pre-install", "stack_pre_install", ("stack", "pre-install"), "stack:pre-install"),
    ("stack install", "stack_install", ("stack", "install"), "stack:install"),
    ("stack post-config", "stack_post_config", ("stack", "post-config"), "stack:post-config"),
    ("stack extra", "stack_extra", ("stack", "extra"), "stack:extra"),
    ("stack test-config", "stack_test_config", ("stack", "test-config"), "stack:test-config"),
    ("unstack", "unstack", ("unstack",), "unstack"),
    ("clean", "clean", ("clean",), "clean"),
]


def test_phases_have_devstacks_order_and_names() -> None:
    named = [(phase.value, phase.hook, phase.arguments, phase.task) for phase in Phase]
    assert named == NAMES


def test_groups_of_phases_hold_each_phase_once() -> None:
    assert [*SETTINGS_PHASES, *STACK_PHASES, *REVERSED_PHASES] == list(Phase)
