"""The steps that bring an image into glance."""

from pathlib import Path

from doitstack_plugins.guest_image import plugin
from tests.unit.plugins.libvirt.stacks import make_guests

HOOKS = (plugin.stack_install, plugin.stack_extra, plugin.stack_test_config)


def test_only_guests_need_an_image(tmp_path: Path) -> None:
    names = [step.name for hook in HOOKS for step in hook(make_guests(tmp_path))]
    assert [name for name in names if not name.startswith("async_wait")] == [
        *("make_guest_image", "upload_guest_image")
    ]
    stack = make_guests(tmp_path, VIRT_DRIVER="fake")
    assert [step for hook in HOOKS for step in hook(stack)] == []
