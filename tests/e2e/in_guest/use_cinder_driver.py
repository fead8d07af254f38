"""Let cinder's driver for LVM do all that it can with volumes; an assertion fails if it cannot.

Cinder's own Python runs it, with the file of configuration and the names of back ends as arguments.
"""

import os
import sys
import uuid
from functools import cache
from pathlib import Path
from typing import Any

from cinder import context, exception, objects
from cinder.volume import configuration
from oslo_config import cfg
from oslo_utils import importutils

CONF = cfg.CONF
GIB = 2**30


def main(conf: str, *backends: str) -> None:
    # Other modules of cinder need its objects when they are imported.
    objects.register_all()
    CONF(["--config-file", conf], project="cinder")
    for backend in backends:
        driver = open_driver(backend)
        use(driver, backend)
        left = {one["name"] for one in driver.vg.get_volumes()}
        assert left <= {f"{driver.vg.vg_name}-pool"}


def open_driver(backend: str) -> Any:
    """Return the driver, opened as cinder-volume does it."""
    from cinder.volume import manager

    options = configuration.Configuration(manager.volume_backend_opts, config_group=backend)
    kind = importutils.import_class(options.volume_driver)
    driver = kind(configuration=options, host=f"one@{backend}", db=None)
    driver.do_setup(context.get_admin_context())
    driver.check_for_setup_error()
    return driver


def use(driver: Any, backend: str) -> None:
    is_thin = driver.configuration.lvm_type == "thin"
    assert is_thin == (backend == "thin")
    first, second, third = volume(1), volume(1), volume(1)
    driver.create_volume(first)
    export(driver, first)
    write(driver, first, b"early")

    snapshot = objects.Snapshot(id=str(uuid.uuid4()), volume_size=1, volume=first)
    driver.create_snapshot(snapshot)
    write(driver, first, b"later")
    # Thick volumes are copied whole, for which a guest's memory is no place.
    copies = (second, third) if is_thin else ()
    if is_thin:
        driver.create_volume_from_snapshot(second, snapshot)
        driver.create_cloned_volume(third, first)
        assert [read(driver, one) for one in copies] == [b"early", b"later"]

    assert size(driver, first) == GIB
    driver.delete_snapshot(snapshot)
    driver.extend_volume(first, 2)
    assert size(driver, first) == 2 * GIB
    assert read(driver, first) == b"later"

    driver._update_volume_stats()
    (pool,) = driver._stats["pools"]
    assert (pool["pool_name"], pool["online_extend_support"]) == (backend, False)
    assert driver._stats["storage_protocol"] == "local"
    for one in (first, *copies):
        driver.remove_export(None, one)
        driver.delete_volume(one)
        assert not os.path.exists(driver.local_path(one))


def volume(gib: int) -> Any:
    return objects.Volume(id=str(uuid.uuid4()), _name_id=None, size=gib, multiattach=False)


def export(driver: Any, one: Any) -> None:
    """Export a volume as cinder does before servers use it; one of another host is refused."""
    driver.ensure_export(None, one)
    assert driver.create_export(None, one, {})["provider_location"].endswith(one.name)
    assert "own host" in refusal(driver, one, {"ip": "192.0.2.1", "host": "elsewhere"})


def refusal(driver: Any, one: Any, properties: dict[str, str]) -> str:
    """Return why a server with these properties does not get a volume."""
    try:
        driver.initialize_connection(one, properties)
    except exception.VolumeBackendAPIException as error:
        return str(error)
    return ""


def path(driver: Any, one: Any) -> Path:
    """Return where os-brick finds a volume for the connection that a server or a backup gets."""
    properties = connector_properties()
    driver.validate_connector(properties)
    connection = driver.initialize_connection(one, properties)
    attached = driver._connect_device(connection)
    return Path(attached["device"]["path"])


@cache
def connector_properties() -> dict[str, Any]:
    """Return what a server of this host says of itself, which takes a guest some seconds."""
    from cinder.volume import volume_utils

    return volume_utils.brick_get_connector_properties()


def write(driver: Any, one: Any, text: bytes) -> None:
    with path(driver, one).open("r+b") as disk:
        disk.seek(GIB // 2)
        disk.write(text)
        os.fsync(disk)


def read(driver: Any, one: Any) -> bytes:
    with path(driver, one).open("rb") as disk:
        disk.seek(GIB // 2)
        return disk.read(5)


def size(driver: Any, one: Any) -> int:
    with path(driver, one).open("rb") as disk:
        return disk.seek(0, os.SEEK_END)


main(*sys.argv[1:])
