"""Which back end volumes have if CINDER_ENABLED_BACKENDS does not say it: found by looking.

LVM where the kernel has device mapper and guests are on the same host, else files; nowhere if
servers do not run. Volumes that exist stay where they are, whatever the kernel has learnt since.
"""

import os

from doitstack import Settings, Stack
from doitstack_plugins.cinder.enabled_backends import FAKE, FILES, LVM, enabled
from doitstack_plugins.cinder.files import image
from doitstack_plugins.lvm import device_mapper, volume_groups
from doitstack_plugins.shared import subnode

_SETTING = "CINDER_ENABLED_BACKENDS"

_LVM_NAME = "lvmdriver-1"
"""DevStack's name of its own default."""

_FAKE_ONE, _FILES_ONE, _LVM_ONE = f"{FAKE}:{FAKE}", f"{FILES}:{FILES}", f"{LVM}:{_LVM_NAME}"
"""The back ends to choose from."""

_WORDS = {FAKE: "nowhere", FILES: "in files", LVM: "in LVM"}


def found(settings: Settings) -> tuple[str, str]:
    """Return the back end that this machine can have, and why. Changes nothing."""
    if settings.get("VIRT_DRIVER") != "libvirt":
        return _FAKE_ONE, "servers do not run"
    if existing := _existing(settings):
        return existing, "an earlier run has put them there"
    if obstacle := _obstacle(settings):
        return _FILES_ONE, obstacle
    return _LVM_ONE, "the kernel has device mapper"


def note(stack: Stack) -> str:
    """Return where volumes are, and why, for the user."""
    settings = stack.settings
    chosen = settings[_SETTING]
    is_set = _SETTING in settings.local.variables or _SETTING in settings.environ
    reason = f"{_SETTING} is set" if is_set else found(settings)[1]
    kinds = dict.fromkeys(backend.kind for backend in enabled(settings))
    where = " and ".join(_WORDS.get(kind, kind) for kind in kinds)
    return f"volumes are kept {where} ({chosen}): {reason}"


def _has_all(settings: Settings, *services: str) -> bool:
    return all(settings.is_service_enabled(name) for name in services)


def _existing(settings: Settings) -> str:
    """Return the back end that an earlier run has found, if it has made what keeps volumes."""
    data = settings.path("DATA_DIR")
    if image(data / "cinder", FILES).exists():
        return _FILES_ONE
    group = volume_groups.group(settings, _LVM_NAME)
    return _LVM_ONE if volume_groups.backing_file(data, group).exists() else ""


def _obstacle(settings: Settings) -> str:
    """Return why volumes cannot be in LVM, or an empty text."""
    if subnode.is_subnode(settings) or not _has_all(settings, "c-vol", "n-cpu"):
        return "servers may be on other hosts"
    return "LVM needs root" if os.geteuid() != 0 else device_mapper.lack()
