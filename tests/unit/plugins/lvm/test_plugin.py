"""The steps of LVM."""

from pathlib import Path

from doitstack.phases import Phase
from doitstack.planning.stack_directory import StackDirectory
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


def test_groups_of_scripts_are_released_where_no_service_has_volumes(tmp_path: Path) -> None:
    planned = StackDirectory(tmp_path, {"ENABLED_SERVICES": "key"}).plan([Phase.UNSTACK])
    assert [one.step.name for one in planned.steps if one.plugin == "lvm"] == [
        "release_volume_groups"
    ]
