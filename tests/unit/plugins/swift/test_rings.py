"""Swift's rings, with a builder that records (the real one is in Swift's environment)."""

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import doitstack_plugins.swift

SCRIPT = Path(doitstack_plugins.swift.__file__).with_name("rings.py")


class RingBuilder:
    """Swift's, as far as the script uses it; a saved ring is its text."""

    def __init__(self, part_power: int, replicas: int, min_part_hours: int) -> None:
        self.arguments = (part_power, replicas, min_part_hours)
        self.devices: list[dict[str, Any]] = []
        self.is_balanced = False

    def add_dev(self, device: dict[str, Any]) -> None:
        self.devices.append(device)

    def rebalance(self) -> None:
        self.is_balanced = True

    def get_ring(self) -> "RingBuilder":
        assert self.is_balanced
        return self

    def save(self, path: str) -> None:
        (device,) = self.devices
        Path(path).write_text(
            f"{self.arguments} {device['ip']}:{device['port']} {device['device']}"
        )


@pytest.fixture(autouse=True)
def _swift(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("swift.common.ring")
    module.RingBuilder = RingBuilder  # type: ignore[attr-defined]
    for name in ("swift", "swift.common"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "swift.common.ring", module)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    runpy.run_path(str(SCRIPT), run_name="__main__")


def test_each_ring_has_one_device_at_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, str(tmp_path), "127.0.0.1", "d1", "6012", "6011", "6013")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "account.ring.gz": "(6, 1, 1) 127.0.0.1:6012 d1",
        "container.ring.gz": "(6, 1, 1) 127.0.0.1:6011 d1",
        "object.ring.gz": "(6, 1, 1) 127.0.0.1:6013 d1",
    }


def test_a_port_for_each_ring_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="shorter"):
        run(monkeypatch, str(tmp_path), "127.0.0.1", "d1", "6012")
