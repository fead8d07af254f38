"""What tempest needs of a cloud is found, or created if it is an image."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.stack import Stack
from doitstack_plugins.tempest import cloud_resources
from tests.unit.recorded_actions import RecordedActions, make_stack


class FakeCloud:
    """A connection with one image, all flavors and perhaps a public network."""

    def __init__(self) -> None:
        self.images = ["tempest"]
        self.created: list[tuple[str, dict[str, Any]]] = []
        self.networks = ["public"]
        self.image = self.compute = self.network = self

    def find_image(self, name: str) -> Any:
        return SimpleNamespace(id=f"image-{name}") if name in self.images else None

    def create_image(self, name: str, **given: Any) -> Any:
        self.created.append((name, given))
        self.images.append(name)
        return self.find_image(name)

    def find_flavor(self, name: str, *, ignore_missing: bool) -> Any:
        assert not ignore_missing
        return SimpleNamespace(id=f"flavor-{name}")

    def find_network(self, name: str) -> Any:
        return SimpleNamespace(id=f"network-{name}") if name in self.networks else None

    def extensions(self) -> list[Any]:
        return [SimpleNamespace(alias=alias) for alias in ("router", "provider")]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    fake = FakeCloud()

    @contextmanager
    def cloud(stack: Stack) -> Iterator[FakeCloud]:
        yield fake

    monkeypatch.setattr(cloud_resources, "cloud", cloud)
    return fake


def find(tmp_path: Path, services: str) -> dict[str, str]:
    stack = make_stack(tmp_path, ENABLED_SERVICES=services, PUBLIC_NETWORK_NAME="public")
    with stack.acting(RecordedActions(lambda program: None)):
        return cloud_resources.find(stack)


def test_missing_images_are_created_once(tmp_path: Path, api: FakeCloud) -> None:
    for _ in range(2):
        assert find(tmp_path, "key,g-api") == {
            "image_ref": "image-tempest",
            "image_ref_alt": "image-tempest-alt",
        }
    ((name, given),) = api.created
    assert (name, given["visibility"], given["wait"]) == ("tempest-alt", "public", True)


def test_flavors_are_of_nova_and_the_network_is_of_neutron(tmp_path: Path, api: FakeCloud) -> None:
    assert find(tmp_path, "key,n-api,neutron") == {
        "flavor_ref": "flavor-m1.nano",
        "flavor_ref_alt": "flavor-m1.micro",
        "public_network_id": "network-public",
        "api_extensions": "provider,router",
    }
    api.networks = []
    assert find(tmp_path, "key,neutron") == {"api_extensions": "provider,router"}
