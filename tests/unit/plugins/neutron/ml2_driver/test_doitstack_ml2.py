"""The mechanism driver, with the names of neutron_lib that it uses (Neutron has the real ones)."""

import runpy
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import doitstack_plugins.neutron

DRIVER = Path(doitstack_plugins.neutron.__file__).parent / "ml2_driver" / "doitstack_ml2.py"
NAMES = {
    "neutron_lib": {"constants": SimpleNamespace(PORT_STATUS_ACTIVE="ACTIVE")},
    "neutron_lib.api": {},
    "neutron_lib.api.definitions": {
        "portbindings": SimpleNamespace(
            CONNECTIVITY_L2="l2", VIF_TYPE_OVS="ovs", CAP_PORT_FILTER="port_filter"
        )
    },
    "neutron_lib.plugins": {},
    "neutron_lib.plugins.ml2": {
        "api": SimpleNamespace(MechanismDriver=object, PortContext=object, ID="id")
    },
}


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, contents in NAMES.items():
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    return runpy.run_path(str(DRIVER))["UnwiredMechanismDriver"]()


def test_port_is_bound_to_the_first_segment_and_active(driver: Any) -> None:
    bindings: list[tuple[Any, ...]] = []
    context = SimpleNamespace(
        segments_to_bind=[{"id": "first"}, {"id": "second"}],
        set_binding=lambda *words, status: bindings.append((*words, status)),
    )
    driver.initialize()
    driver.bind_port(context)
    assert bindings == [("first", "ovs", {"port_filter": True}, "ACTIVE")]
    assert driver.connectivity == "l2"


def test_entry_point_names_the_driver() -> None:
    (points,) = DRIVER.parent.glob("*.dist-info/entry_points.txt")
    assert "doitstack_ml2:UnwiredMechanismDriver" in points.read_text()
