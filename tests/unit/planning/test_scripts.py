"""A script is a plugin whose hooks source it."""

from pathlib import Path

from doitstack.phases import Phase
from doitstack.planning.scripts import Script
from doitstack.steps import run
from tests.unit.planning.drop_ins import drop_in, find


def test_script_answers_every_phase(tmp_path: Path) -> None:
    path = drop_in(tmp_path, "", "50-c.sh")
    script = find(tmp_path)[0]

    assert tuple(script.hooks) == tuple(phase.hook for phase in Phase)
    assert script.steps("stack_post_config") == [
        run(Script(path, ("stack", "post-config")), name="50-c.sh")
    ]
    assert script.steps("stack_post_config")[0].command == "50-c.sh stack post-config"
