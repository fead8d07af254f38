"""A wait: futures in order, each collected as soon as it can be."""

from typing import Any

from doitstack.futures.future import Future, FutureState
from doitstack.futures.wait import Wait


class Collector:
    """Futures by name, and what was done with them."""

    def __init__(self, *names: str) -> None:
        self.futures = {name: Future(None, name, name) for name in names}  # type: ignore[arg-type]
        self.done: list[str] = []

    def end(self, name: str, rc: int = 0) -> None:
        self.futures[name].state, self.futures[name].rc = FutureState.ENDED, rc

    def find(self, name: str) -> Future | None:
        return self.futures.get(name)

    def expect(self, name: str) -> float:
        self.done.append(f"expect {name}")
        return 0.0

    def announce(self, future: Future) -> None:
        self.done.append(f"announce {future.name}")

    def collect(self, future: Future) -> int:
        self.done.append(f"collect {future.name}")
        del self.futures[future.name]
        return future.code

    def report_unknown(self, name: str) -> None:
        self.done.append(f"unknown {name}")


def waiting(collector: Collector, names: Any, codes: list[int], **how: Any) -> Wait:
    wait = Wait(collector, names, codes.append, **how)
    wait.advance()
    return wait


def test_first_that_has_not_ended_is_announced() -> None:
    collector, codes = Collector("a", "b"), list[int]()
    collector.end("a")
    wait = waiting(collector, "ab", codes)
    assert collector.done == ["collect a", "announce b"]
    collector.end("b")
    wait.advance()
    wait.advance()
    assert (collector.done[2:], codes) == (["collect b"], [0])


def test_wait_for_nothing_is_over_at_once() -> None:
    codes: list[int] = []
    assert waiting(Collector(), (), codes).is_over
    assert codes == [0]


def test_future_that_is_coming_is_expected() -> None:
    collector, coming, codes = Collector(), {"a"}, list[int]()
    wait = waiting(collector, ("a", "x"), codes, is_coming=coming.__contains__)
    assert collector.done == ["expect a"]
    collector.futures["a"] = Future(None, "a", "a")  # type: ignore[arg-type]
    collector.end("a")
    wait.advance()
    assert collector.done[1:] == ["collect a", "unknown x"]
    assert codes == [0]


def test_future_that_does_not_come_after_all_is_unknown() -> None:
    coming, unknown, codes = {"a"}, list[str](), list[int]()
    wait = waiting(
        Collector(), "a", codes, is_coming=coming.__contains__, on_unknown=unknown.append
    )
    coming.clear()
    wait.advance()
    assert (unknown, codes) == (["a"], [0])


def test_failure_ends_the_wait_unless_it_keeps_going() -> None:
    for keeps_going, collected, code in ((False, ["collect a"], 3), (True, None, 7)):
        collector, codes = Collector("a", "b", "c"), list[int]()
        for name, rc in (("a", 3), ("b", 7), ("c", 0)):
            collector.end(name, rc)
        wait = waiting(collector, "abc", codes, keeps_going=keeps_going)
        assert collector.done == (collected or [f"collect {name}" for name in "abc"])
        assert (wait.rc, codes) == (code, [code])
        assert [future.name for future in wait.failed] == (["a", "b"] if keeps_going else ["a"])


def test_failure_before_its_turn_ends_the_wait() -> None:
    collector, codes = Collector("a", "b"), list[int]()
    wait = waiting(collector, "ab", codes)
    collector.end("b", 5)
    wait.fail_with(collector.futures["b"])
    assert collector.done == ["announce a", "collect b"]
    assert (wait.is_over, codes) == (True, [5])
    collector.end("a")
    wait.advance()
    assert len(collector.done) == 2


def test_cancelled_wait_calls_nothing() -> None:
    collector, codes = Collector("a"), list[int]()
    wait = waiting(collector, "a", codes)
    wait.cancel()
    collector.end("a")
    wait.advance()
    assert codes == []
