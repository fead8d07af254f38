"""The resources of the cloud for tempest: images (which it creates), flavors, public network."""

from typing import Any

from doitstack import Stack
from doitstack.cloud import cloud
from doitstack_plugins.backing.debian_packages import has_guests
from doitstack_plugins.guest_image import plugin as guest_image

_IMAGES = {"image_ref": "tempest", "image_ref_alt": "tempest-alt"}
_FLAVORS = {"flavor_ref": "m1.nano", "flavor_ref_alt": "m1.micro"}


def find(stack: Stack) -> dict[str, str]:
    """Return the ids of what tempest.conf names, by its options."""
    found: dict[str, str] = {}
    with cloud(stack) as connection, stack.timed("osc"):
        if stack.is_service_enabled("g-api"):
            images = dict.fromkeys(_IMAGES, guest_image.NAME) if has_guests(stack) else _IMAGES
            found.update({key: _image(connection, name) for key, name in images.items()})
        if stack.is_service_enabled("n-api"):
            compute = connection.compute
            for key, name in _FLAVORS.items():
                found[key] = str(compute.find_flavor(name, ignore_missing=False).id)
        if stack.is_service_enabled("neutron"):
            network = connection.network.find_network(stack.settings["PUBLIC_NETWORK_NAME"])
            found.update({"public_network_id": str(network.id)} if network else {})
            # Tempest takes all that Neutron has ever had for there unless it is told.
            aliases = (extension.alias for extension in connection.network.extensions())
            found["api_extensions"] = ",".join(sorted(aliases))
    return found


def _image(connection: Any, name: str) -> str:
    """Return the id of the image `name`, made if needed; any bytes will do."""
    image = connection.image.find_image(name)
    if image is None:
        more = {"disk_format": "raw", "container_format": "bare", "visibility": "public"}
        image = connection.image.create_image(name, data=name.encode(), wait=True, **more)
    return str(image.id)
