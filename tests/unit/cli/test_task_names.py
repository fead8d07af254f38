"""Messages about tasks that do not exist."""

import pytest

from doitstack.cli.task_names import unknown_task


@pytest.mark.parametrize(
    ("name", "nearest"), [("futrues", "; did you mean futures?"), ("xyz", ";")]
)
def test_what_is_near_is_suggested(name: str, nearest: str) -> None:
    assert str(unknown_task(name, ["futures", "stack"])) == (
        f"there is no command or task {name}{nearest} `doit help` lists the commands, "
        f"`doit list --all` the tasks"
    )
