"""Cinder's driver for LVM, with the names of cinder that it uses (Cinder has the real ones)."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import doitstack_plugins.cinder

DRIVER = Path(doitstack_plugins.cinder.__file__).parent / "volume_driver" / "doitstack_lvm.py"
HERE = {"ip": "192.0.2.1", "host": "one"}


class RefusedError(Exception):
    def __init__(self, data: str) -> None:
        super().__init__(data)


class Target:
    def __init__(self, configuration: Any) -> None:
        self.configuration = configuration


class LVMVolumeDriver:
    def __init__(self, configuration: Any) -> None:
        self.configuration = configuration
        self.protocol = "iSCSI"

    def _update_volume_stats(self) -> None:
        self._stats = {"pools": [{"pool_name": "one"}]}


NAMES = {
    "cinder": {"exception": SimpleNamespace(VolumeBackendAPIException=RefusedError)},
    "cinder.volume": {},
    "cinder.volume.drivers": {"lvm": SimpleNamespace(LVMVolumeDriver=LVMVolumeDriver)},
    "cinder.volume.targets": {"driver": SimpleNamespace(Target=Target)},
    "oslo_config": {"cfg": SimpleNamespace(CONF=SimpleNamespace(my_ip=HERE["ip"]))},
}


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, contents in NAMES.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    kind = runpy.run_path(str(DRIVER))["LocalVolumeDriver"]
    return kind(configuration=SimpleNamespace(volume_group="group"))


def test_a_server_of_the_same_host_gets_the_device(driver: Any) -> None:
    connection = driver.target_driver.initialize_connection({"name": "volume-1"}, HERE)
    assert connection == {
        "driver_volume_type": "local",
        "data": {"device_path": "/dev/group/volume-1"},
    }
    assert driver.protocol == driver.target_driver.storage_protocol == "local"


def test_a_server_of_another_host_is_refused(driver: Any) -> None:
    elsewhere = {"ip": "192.0.2.2", "host": "two"}
    says = r"their own host 192\.0\.2\.1, but this one is on two \(192\.0\.2\.2\)"
    for call in (
        driver.target_driver.validate_connector,
        lambda found: driver.target_driver.initialize_connection({"name": "volume-1"}, found),
    ):
        with pytest.raises(RefusedError, match=says):
            call(elsewhere)


def test_nothing_is_exported(driver: Any) -> None:
    target = driver.target_driver
    assert target.create_export(None, None, "/dev/a/b") == {"location": "/dev/a/b", "auth": ""}
    assert target.ensure_export(None, None, "/dev/a/b") is None
    target.remove_export(None, None)
    target.terminate_connection(None, HERE)


def test_volumes_are_not_extended_while_they_are_attached(driver: Any) -> None:
    driver._update_volume_stats()
    assert driver._stats["pools"] == [{"pool_name": "one", "online_extend_support": False}]
