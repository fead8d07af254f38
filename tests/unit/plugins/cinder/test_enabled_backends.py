"""The names of back ends."""

from pathlib import Path

from doitstack_plugins.cinder.enabled_backends import enabled, of_kind
from tests.unit.plugins.cinder.test_backends import make


def test_a_back_end_is_a_kind_and_a_name(tmp_path: Path) -> None:
    stack = make(tmp_path, CINDER_ENABLED_BACKENDS="nfs:one, lvm:two,fake")
    assert enabled(stack.settings) == [("nfs", "one"), ("lvm", "two"), ("fake", "fake")]
    assert of_kind(stack, "lvm", "nfs") == [("nfs", "one"), ("lvm", "two")]
    stack.settings.disable_service("c-vol")
    assert of_kind(stack, "lvm") == []
