"""The steps that bring an image into glance."""

from pathlib import Path

from doitstack_plugins.guest_image import plugin
from tests.unit.plugins.libvirt.stacks import make_guests

HOOKS = (plugin.stack_install, plugin.stack_extra)


def test_only_guests_need_an_image(tmp_path: Path) -> None:
    names = [step.name for hook in HOOKS for step in hook(make_guests(tmp_path))]
    assert [name for name in names if not name.startswith("async_wait")] == [
        *("make_guest_image", "upload_guest_image")
    ]
    stack = make_guests(tmp_path, VIRT_DRIVER="fake")
    assert [step for hook in HOOKS for step in hook(stack)] == []


def test_subnode_makes_an_image_that_its_probe_boots_and_puts_it_nowhere(tmp_path: Path) -> None:
    stack = make_guests(tmp_path, ENABLED_SERVICES="n-cpu")
    names = [step.name for hook in HOOKS for step in hook(stack)]
    assert names == ["make_guest_image", "async_wait-make_guest_image"]


def test_scripts_boot_the_image_of_guests(tmp_path: Path) -> None:
    guests, pretended = make_guests(tmp_path), make_guests(tmp_path, VIRT_DRIVER="fake")
    for stack in (guests, pretended):
        plugin.source(stack.settings)
    assert guests.settings["DEFAULT_IMAGE_NAME"] == plugin.NAME
    assert not pretended.settings.get("DEFAULT_IMAGE_NAME")
