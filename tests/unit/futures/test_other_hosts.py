"""The ends of futures on other hosts: learnt, told, lost."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from doitstack.futures.future import Future
from doitstack.futures.other_hosts import OtherHosts
from doitstack.scheduling.scheduler import Task, TaskKind
from tests.unit.futures.manual_run import MakeRun, ManualRun


class Controller:
    """A run on the controller with the hosts `one` and `two`; the link to `one` is open."""

    def __init__(self, run: ManualRun) -> None:
        self.run = run
        self.hosts = OtherHosts(
            run.context, run.futures, this_host="controller", hosts={"controller", "one", "two"}
        )
        # The futures stack@HOST of the plan, which are still to come.
        names = (f"stack:pre-install:hosts:stack@{host}" for host in ("one", "two"))
        stacks = (Task(name, TaskKind.FUTURE, ("never",), takes_slot=False) for name in names)
        run.context.scheduler.add(Task("never"), *stacks)
        self.link = run.futures.declare("stack@one", "doit stack on one", is_elsewhere=True)
        self.theirs = self.hosts.connect("one", self.link)

    def hear(self, **message: Any) -> None:
        """Let the link to `one` say something; an end needs its times."""
        if "rc" in message:
            message = {"start": 0.0, "end": 0.0, **message}
        self.theirs.sendall(json.dumps(message).encode() + b"\n")
        self.run.context.loop.turn(0)

    def told(self) -> list[dict[str, Any]]:
        """Return what the link to `one` has been told."""
        return messages(self.theirs)

    def await_end(self, name: str) -> Future:
        future = self.run.futures.declare(name, name, is_elsewhere=True)
        self.hosts.await_end(future)
        return future


def messages(end: socket.socket) -> list[dict[str, Any]]:
    """Return the names and codes of the ends that were told."""
    try:
        data = end.recv(1 << 16, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return []
    told = [json.loads(line) for line in data.splitlines()]
    ends = [message for message in told if "rc" in message]
    assert all(0 < message["start"] <= message["end"] or not message["end"] for message in ends)
    times = ("start", "end")
    return [{key: value for key, value in one.items() if key not in times} for one in told]


@pytest.fixture
def controller(make_run: MakeRun) -> Iterator[Controller]:
    made = Controller(make_run())
    yield made
    made.hosts.close()
    made.theirs.close()


def test_future_elsewhere_ends_as_the_other_host_says(controller: Controller) -> None:
    good, bad = controller.await_end("a@one"), controller.await_end("b@one")
    assert not good.has_ended
    controller.hear(name="a@one", rc=0)
    controller.hear(name="b@one", rc=3)
    assert good.rc == 0
    assert (bad.rc, bad.failure()) == (3, "future b@one: failed with rc 3")
    assert controller.run.kinds("a@one") == ["future_start", "future_end"]


def test_end_that_was_told_before_counts(controller: Controller) -> None:
    controller.hear(name="early@one", rc=0)
    assert controller.await_end("early@one").rc == 0


def test_ends_are_told_to_the_hosts_that_await_them(controller: Controller) -> None:
    run = controller.run
    controller.hear(awaited="mine@controller")
    run.start("mine")
    run.end("mine", 4)
    controller.hosts.skipped("done_before")
    assert controller.told() == [{"name": "mine@controller", "rc": 4}]
    controller.hear(awaited="done_before@controller")
    assert controller.told() == [{"name": "done_before@controller", "rc": 0}], "it had ended"
    later = run.futures.declare("stack@two", "doit stack on two", is_elsewhere=True)
    other = controller.hosts.connect("two", later)
    other.sendall(b'{"awaited": "a@one"}\n')
    run.context.loop.turn(0)
    controller.hear(name="a@one", rc=0)
    controller.hear(name="b@one", rc=0)
    assert messages(other) == [{"name": "a@one", "rc": 0}], "from host to host"
    assert controller.told() == [], "and not back"
    other.close()


def test_lost_connection_fails_what_is_not_known(controller: Controller) -> None:
    known, unknown = controller.await_end("known@one"), controller.await_end("unknown@one")
    controller.hear(name="known@one", rc=0)
    controller.hear(lost="the cable is cut")
    assert known.rc == 0
    assert unknown.failure() == "future unknown@one: the cable is cut: how it ended is unknown"


def test_end_of_the_other_run_fails_what_it_never_started(controller: Controller) -> None:
    never = controller.await_end("never@one")
    controller.run.futures.ended_elsewhere(controller.link, 0)
    assert "the run on one has ended without it" in never.failure()
    assert "has ended without it" in controller.await_end("later@one").failure()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a@nosuch", "there is no host nosuch; there are controller, one, two"),
        ("a@two", ""),
    ],
)
def test_host_that_does_not_exist_is_named(controller: Controller, name: str, reason: str) -> None:
    future = controller.await_end(name)
    assert future.has_ended == bool(reason)
    assert not reason or reason in future.failure()


def test_host_whose_run_is_no_part_of_this_one_never_answers(make_run: MakeRun) -> None:
    run = make_run()
    hosts = OtherHosts(run.context, run.futures, this_host="controller", hosts={"one"})
    future = run.futures.declare("a@one", "a", is_elsewhere=True)
    hosts.await_end(future)
    assert "no run on one has begun" in future.failure()


def test_run_that_was_started_on_the_host_itself_waits_for_no_other(make_run: MakeRun) -> None:
    run = make_run()
    hosts = OtherHosts(run.context, run.futures, this_host="one", hosts={"controller", "one"})
    future = run.futures.declare("a@controller", "a", is_elsewhere=True)
    hosts.await_end(future)
    assert future.rc == 0
    assert "not waiting for a@controller: this is a run of one alone" in "".join(run.log.lines)


def test_scripts_may_wait_for_other_hosts_again_and_again(controller: Controller) -> None:
    run = controller.run
    run.soon(
        lambda: controller.theirs.sendall(b'{"name": "a@one", "rc": 2, "start": 1.0, "end": 2.0}\n')
    )
    assert run.futures.collector.wait_for(("a@one",)) == 2
    assert run.futures.collector.wait_for(("a@one",)) == 2
    assert "Not waiting" not in "".join(run.log.lines)


def test_end_elsewhere_that_nothing_needs_is_no_warning(controller: Controller) -> None:
    # What waits for it is up to date.
    controller.await_end("a@one")
    controller.hear(name="a@one", rc=0)
    controller.run.futures.ended_elsewhere(controller.link, 0)
    assert controller.run.futures.collector.when_rest_collected().is_over
    assert not [line for line in controller.run.log.lines if "uncollected" in line and "a@" in line]


def test_another_host_learns_all_from_the_controller(make_run: MakeRun) -> None:
    run = make_run()
    ours, theirs = socket.socketpair()
    hosts = OtherHosts(
        run.context,
        run.futures,
        this_host="one",
        hosts={"controller", "one", "two"},
        channel=theirs.detach(),
    )
    future = run.futures.declare("a@two", "a on two", is_elsewhere=True)
    never = run.futures.declare("never@two", "never on two", is_elsewhere=True)
    hosts.await_end(future)
    hosts.await_end(never)
    assert not future.has_ended
    run.start("mine")
    run.end("mine")
    asked, _, told = ours.recv(1 << 16).split(b"\n", 2)
    assert json.loads(asked) == {"awaited": "a@two"}
    assert json.loads(told)["name"] == "mine@one"
    ours.sendall(b'{"name": "a@two", "rc": 0, "start": 1.0, "end": 2.0}\n')
    run.context.loop.turn(0)
    assert future.rc == 0
    ours.sendall(b'{"never": "never@two", "why": "nobody starts it"}\n')
    run.context.loop.turn(0)
    assert never.failure() == "future never@two: nobody starts it"
    lost = run.futures.declare("b@controller", "b", is_elsewhere=True)
    hosts.await_end(lost)
    ours.close()
    run.context.loop.turn(0)
    assert "the connection to controller is lost" in lost.failure()
    hosts.close()


def test_time_of_a_future_is_that_of_its_own_host(controller: Controller) -> None:
    now = controller.run.context.journal.now
    future = controller.await_end("a@one")
    began = now()
    controller.hear(name="a@one", rc=0, start=began + 1, end=began + 3)
    assert future.start_time <= future.end_time <= now(), "the future is not known yet"
    early = controller.await_end("b@one")
    began = now()
    while now() < began + 0.02:
        pass
    controller.hear(name="b@one", rc=0, start=began, end=began + 0.01)
    assert (early.start_time, early.end_time) == (began, began + 0.01)


def test_future_that_nobody_awaits_is_in_the_journal(controller: Controller) -> None:
    controller.hear(name="alone@one", rc=2, start=1.0, end=3.0)
    (event,) = [one for one in controller.run.events if one.get("name") == "alone@one"]
    assert (event["rc"], event["start_time"], event["end_time"]) == (2, 1000, 3000)


NOTHING = {"never": "mine@controller", "why": "nothing on controller has started mine"}


def test_host_that_awaits_what_nothing_starts_is_told_once_all_has_begun(
    controller: Controller,
) -> None:
    run = controller.run
    before = Task(
        "stack:extra:demo:before", TaskKind.FUTURE, ("stack:pre-install:hosts:stack@one",)
    )
    wait = Task("stack:extra:hosts:wait", TaskKind.WAIT, ("stack:pre-install:hosts:stack@one",))
    after = Task("stack:test-config:demo:mine", TaskKind.FUTURE, (wait.name,))
    run.context.scheduler.add(before, wait, after)
    controller.hear(awaited="mine@controller")
    controller.hear(awaited="before@controller")
    run.futures.collector.on_planned_wait(("another",))
    assert controller.told() == []
    run.futures.collector.on_planned_wait(("stack@one", "stack@two"))
    assert controller.told() == [NOTHING]
    controller.hear(awaited="mine@controller")
    assert controller.told() == [NOTHING]
    run.start("mine")
    controller.hear(awaited="mine@controller")
    assert controller.told() == [], "it is running"
    run.end("mine")
    assert controller.told() == [{"name": "mine@controller", "rc": 0}]


def test_host_is_told_that_another_has_ended_without_what_it_awaits(
    controller: Controller,
) -> None:
    run = controller.run
    link = run.futures.declare("stack@two", "doit stack on two", is_elsewhere=True)
    other = controller.hosts.connect("two", link)
    controller.hear(awaited="a@two")
    controller.hear(awaited="b@two")
    other.sendall(b'{"name": "a@two", "rc": 0, "start": 1.0, "end": 2.0}\n')
    run.context.loop.turn(0)
    assert controller.told() == [{"name": "a@two", "rc": 0}]
    run.futures.ended_elsewhere(link, 0)
    why = "the run on two has ended without it: how it ended is unknown"
    assert {"never": "b@two", "why": why} in controller.told()
    controller.hear(awaited="c@two")
    assert controller.told() == [{"never": "c@two", "why": why}]


def test_future_of_this_host_may_be_awaited_by_its_full_name(controller: Controller) -> None:
    future = controller.await_end("mine@controller")
    assert not future.has_ended
    controller.run.start("mine")
    controller.run.end("mine", 3)
    assert future.rc == 3
