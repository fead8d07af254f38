"""The steps of LVM."""

from pathlib import Path

from doitstack_plugins.lvm import plugin as lvm
from doitstack_plugins.lvm import volume_groups
from tests.unit.plugins.cinder.test_backends import make
from tests.unit.recorded_actions import RecordedActions


def test_groups_are_released_by_unstack_and_removed_by_clean(tmp_path: Path) -> None:
    stack = make(tmp_path)
    file = volume_groups.backing_file(stack.data_dir, "group")
    file.parent.mkdir(parents=True)
    file.touch()
    stage = RecordedActions(lambda _: None)
    with stack.acting(stage):
        for step in lvm.unstack(stack):
            step.action(stack)
        assert file.exists()
        for step in lvm.clean(stack):
            step.action(stack)
    assert not file.parent.exists()
    assert stage.programs == []
