"""Nova's flavors, and when its services and computes count as ready."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from doitstack.services.services import Services
from doitstack.stack import Stack
from doitstack_plugins.nova import readiness
from tests.unit.plugins.nova.stacks import make_nova
from tests.unit.recorded_actions import RecordedActions


class FakeCloud:
    """A connection that lists one more compute service at each call."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.specs: list[tuple[str, dict[str, str]]] = []
        self.looks: list[dict[str, str]] = []
        self.known = {"vm1"}
        self.compute = self.placement = self

    def flavors(self) -> list[Any]:
        return [SimpleNamespace(name="m1.tiny")]

    def create_flavor(self, **given: Any) -> str:
        self.created.append(given)
        return str(given["name"])

    def create_flavor_extra_specs(self, flavor: str, specs: dict[str, str]) -> None:
        self.specs.append((flavor, specs))

    def services(self, **where: str) -> list[Any]:
        """List the service as up at the second call."""
        self.looks.append(where)
        return [SimpleNamespace(state="up" if self.looks.count(where) > 1 else "down")]

    def hypervisors(self) -> list[Any]:
        """List the compute at the third call."""
        self.looks.append({})
        return [SimpleNamespace(name="vm1")] * (len(self.looks) - 4)

    def resource_providers(self, name: str) -> Iterator[str]:
        self.looks.append({"provider": name})
        return iter([name] if name in self.known else [])


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    fake = FakeCloud()

    @contextmanager
    def cloud(stack: Stack) -> Iterator[FakeCloud]:
        yield fake

    monkeypatch.setattr(readiness, "cloud", cloud)
    return fake


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the queues that are looked at; each is there at the second look, used at the third."""
    asked: list[str] = []

    def consumers(stack: Stack, queue: str, vhost: str) -> int | None:
        asked.append(f"{vhost}/{queue}")
        return {1: None, 2: 0}.get(asked.count(asked[-1]), 1)

    monkeypatch.setattr(readiness.rabbit_queues, "consumers", consumers)
    return asked


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Return what was waited for, and after how many looks it was there."""
    found: list[tuple[str, int]] = []

    def wait_until(stack: Stack, name: str, is_up: Callable[[], bool]) -> None:
        looks = 1
        while not is_up():
            looks += 1
            assert looks < 10, name
        found.append((name, looks))

    monkeypatch.setattr(readiness.health, "wait_until", wait_until)
    return found


def test_missing_flavors_are_created(tmp_path: Path, api: FakeCloud) -> None:
    stack = make_nova(tmp_path)
    context = RecordedActions(lambda program: None)
    with stack.acting(context):
        readiness.create_flavors(stack)
    names = [given["name"] for given in api.created]
    assert names == [name for name in readiness.FLAVORS if name != "m1.tiny"]
    assert api.created[0] == {"name": "m1.nano", "id": "42", "ram": 192, "disk": 1, "vcpus": 1}
    assert api.specs == [(name, {"hw_rng:allowed": "True"}) for name in names]
    assert context.components == ["osc"]


TOPICS = {
    "n-super-cond": readiness.Topic("conductor"),
    "n-cond-cell2": readiness.Topic("conductor", 2),
}


def test_daemons_work_once_they_take_messages_of_their_cell(
    tmp_path: Path, waits: list[tuple[str, int]], queues: list[str]
) -> None:
    stack = make_nova(tmp_path, NOVA_NUM_CELLS="2", LOCAL_HOSTNAME="vm")
    readiness.wait_for_queues(stack, TOPICS)
    assert waits == [("n-super-cond", 2), ("n-cond-cell2", 2)]
    readiness.wait_for_services(stack, TOPICS)
    assert waits[2:] == [("n-super-cond", 1), ("n-cond-cell2", 1)]
    assert list(dict.fromkeys(queues)) == ["/conductor.vm", "nova_cell2/conductor.vm"]


def test_messages_taken_at_the_start_are_those_of_the_process_before(
    tmp_path: Path, queues: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_nova(tmp_path)
    monkeypatch.setattr(Services, "started", lambda *_: time.time())
    assert not readiness.works(stack, "n-sch", readiness.Topic("scheduler"))
    assert queues == []


def test_compute_is_ready_once_it_is_in_placement_and_works(
    tmp_path: Path, api: FakeCloud, waits: list[tuple[str, int]], queues: list[str]
) -> None:
    readiness.wait_for_computes(make_nova(tmp_path))
    assert waits == [("n-cpu-1", 1), ("n-cpu-1", 3), ("n-cpu-1", 2)]
    assert api.looks == [
        {"provider": "vm1"},
        *[{"binary": "nova-compute", "host": "vm1"}] * 2,
    ]
    assert queues == ["/compute.vm1"] * 3


def test_compute_that_placement_does_not_know_is_waited_for(
    tmp_path: Path, api: FakeCloud, waits: list[tuple[str, int]]
) -> None:
    api.known.clear()
    with pytest.raises(AssertionError, match="n-cpu-1"):
        readiness.wait_for_computes(make_nova(tmp_path))


def test_compute_of_a_subnode_is_ready_once_the_scheduler_has_mapped_it(
    tmp_path: Path, api: FakeCloud, waits: list[tuple[str, int]], queues: list[str]
) -> None:
    readiness.wait_for_computes(make_nova(tmp_path, ENABLED_SERVICES="n-cpu", THIS_HOST="compute1"))
    assert waits == [("n-cpu-1", 1), ("n-cpu-1", 3), ("n-cpu-1", 2), ("n-cpu-1", 2)]
