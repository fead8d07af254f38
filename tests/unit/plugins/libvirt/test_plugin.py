"""What libvirt's plugin declares."""

from pathlib import Path

from doitstack_plugins.libvirt import plugin
from tests.unit.plugins.libvirt.stacks import make_guests

HOOKS = (plugin.stack_pre_install, plugin.stack_install)


def test_only_guests_need_libvirt(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, VIRT_DRIVER="fake")
    assert [step for hook in HOOKS for step in hook(stack)] == []


def test_libvirt_starts_in_the_background_and_ends_in_any_case(tmp_path: Path) -> None:
    stack = make_guests(tmp_path)
    assert [step.name for hook in HOOKS for step in hook(stack)] == [
        *("check_libvirt", "start_libvirt", "choose_virt_type")
    ]
    other = make_guests(tmp_path, VIRT_DRIVER="fake")
    assert [step.name for step in plugin.unstack(other)] == ["stop_libvirt"]
    assert [step.name for step in plugin.clean(other)] == ["clean_libvirt"]
