"""Cinder's driver for LVM, for guests of the same host: they open the volumes as its devices.

Read by Cinder alone, which finds it by this directory on its path. Of the targets that Cinder
brings along, all export a volume by the kernel to others, which is neither needed on one host nor
possible in a network namespace.
"""

from typing import Any

from cinder import exception
from cinder.volume.drivers import lvm
from cinder.volume.targets import driver
from oslo_config import cfg

PROTOCOL = "local"
"""The type of connection for which Nova opens a device of its own host."""


class LocalTarget(driver.Target):
    """Hands out the devices of volumes, and exports nothing."""

    storage_protocol = PROTOCOL

    def ensure_export(self, context: Any, volume: Any, volume_path: str) -> None:
        """Do nothing: the device is there as long as the volume is active."""

    def create_export(self, context: Any, volume: Any, volume_path: str) -> dict[str, str]:
        """Return that a volume is its device."""
        return {"location": volume_path, "auth": ""}

    def remove_export(self, context: Any, volume: Any) -> None:
        """Do nothing."""

    def validate_connector(self, connector: dict[str, Any]) -> bool:
        """Raise VolumeBackendAPIException for a server of another host, which lacks the device."""
        host, address = cfg.CONF.my_ip, connector.get("ip")
        if address != host:
            name = connector.get("host")
            raise exception.VolumeBackendAPIException(
                data=f"volumes of LVM are for servers of their own host {host}, "
                f"but this one is on {name} ({address})"
            )
        return True

    def initialize_connection(self, volume: Any, connector: dict[str, Any]) -> dict[str, Any]:
        """Return the device of a volume. Raises VolumeBackendAPIException for another host."""
        self.validate_connector(connector)
        path = f"/dev/{self.configuration.volume_group}/{volume['name']}"
        return {"driver_volume_type": PROTOCOL, "data": {"device_path": path}}

    def terminate_connection(self, volume: Any, connector: Any, **kwargs: Any) -> None:
        """Do nothing."""


class LocalVolumeDriver(lvm.LVMVolumeDriver):
    """LVM with volumes that are not exported."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target_driver = LocalTarget(configuration=self.configuration)
        self.protocol = PROTOCOL

    def _update_volume_stats(self) -> None:
        super()._update_volume_stats()
        for pool in self._stats["pools"]:
            # Nova does not tell a guest that a local device has grown.
            pool["online_extend_support"] = False
