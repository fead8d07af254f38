"""Two stacks of the smallest sample side by side, of which one gets another service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeStackDir, StackDir
from tests.e2e.samples import check_ports, check_stopped, check_told, make_sample, processes

pytestmark = pytest.mark.timeout(900)

LISTENING = {"keystone": "KEYSTONE_SERVICE_PORT"}


@pytest.fixture
def neighbours(stack_dir: MakeStackDir, tmp_path: Path) -> Iterator[tuple[StackDir, StackDir]]:
    """Two stack directories with the sample; the second does without Tempest."""

    def make(name: str, more: str) -> StackDir:
        def place(files: dict[str, str], **kwargs: str) -> StackDir:
            return stack_dir(files, **{**kwargs, "name": name})

        return make_sample(place, "identity", tmp_path / "home", more)

    made = make("first", ""), make("second", "disable_service tempest\n")
    yield made
    for directory in made:
        directory.run("clean")


def test_neighbours_and_a_service_that_comes_later(neighbours: tuple[StackDir, StackDir]) -> None:
    first, second = neighbours
    for stack in neighbours:
        outcome = stack.run("stack", timeout=400).ok()
        check_told(stack, outcome.out, "key")
    for stack in neighbours:
        check_ports(stack, LISTENING)
    before = processes(first)["keystone"]

    check_added_service(second)

    check_stopped(second)
    assert processes(first)["keystone"] == before
    second.run("clean").ok()
    assert not second.dest.exists()
    check_ports(first, LISTENING)


def check_added_service(stack: StackDir) -> None:
    """Only the new service and what depends on it runs; the others go on as they were."""
    before = processes(stack)["keystone"]
    conf = stack.path / "local.conf"
    conf.write_text(conf.read_text() + "enable_service g-api\n")
    outcome = stack.run("stack", timeout=400).ok()
    check_told(stack, outcome.out, "key", "g-api")
    check_ports(stack, {**LISTENING, "g-api": "GLANCE_SERVICE_PORT"})
    assert processes(stack)["keystone"] == before

    # What is only looked at, and what tells clients where things are, runs each time.
    looks = {"check_keystone_port", "put_openstack", "warm_openstack", "configure_keystone"}
    looks |= {"start_keystone", "wait_for_keystone", "write_clouds", "restart_keystone"}
    ran = [event for event in outcome.journal if event["event"] == "step_start"]
    again = {
        one["step"] for one in ran if one["plugin"] == "keystone" and one["kind"] != "async_wait"
    }
    assert again <= looks
    assert {"install_glance", "init_glance", "create_glance_accounts", "start_glance"} <= {
        event["step"] for event in ran
    }
