"""A script is a plugin whose hooks source it."""

from pathlib import Path

from doitstack.phases import Phase
from doitstack.planning.scripts import Script
from doitstack.steps import Kind
from tests.unit.planning.drop_ins import drop_in, find


def test_script_answers_every_phase(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "", "50-c.sh")
    script = find(tmp_path)[0]

    assert tuple(script.hooks) == tuple(phase.hook for phase in Phase)
    (step,) = script.steps("stack_post_config")
    assert (step.kind, step.name) == (Kind.RUN, "50-c.sh")
    assert step.action == Script(path, ("stack", "post-config"))
    assert step.command == "50-c.sh stack post-config"
