"""Tokens in a pipe, which other processes take, too."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from doitstack.futures.slots import Slots


@pytest.fixture
def two() -> Iterator[Slots]:
    slots = Slots(2)
    yield slots
    slots.close()


def tokens_for_others(slots: Slots) -> int:
    """Count the tokens as a build sees them: by the path, without taking them for good."""
    descriptor = os.open(slots.path, os.O_RDWR | os.O_NONBLOCK)
    try:
        found = os.read(descriptor, 100)
        os.write(descriptor, found)
        return len(found)
    except BlockingIOError:
        return 0
    finally:
        os.close(descriptor)


def test_there_are_as_many_slots_as_jobs(two: Slots) -> None:
    assert [two.take(), two.take(), two.take()] == [True, True, False]
    two.give()
    assert [two.take(), two.take()] == [True, False]


def test_others_find_them_by_the_path(two: Slots) -> None:
    assert tokens_for_others(two) == 2
    taken = subprocess.run(["head", "-c", "1", two.path], capture_output=True, check=True)
    assert taken.stdout == b"+"
    assert [two.take(), two.take()] == [True, False]


def test_what_is_given_back_here_is_for_others_only_when_it_is_shared(two: Slots) -> None:
    assert two.take()
    two.give()
    assert tokens_for_others(two) == 1
    two.share()
    assert tokens_for_others(two) == 2


def test_without_a_bound_futures_need_none_and_builds_share_the_cores() -> None:
    slots = Slots(0, cores=4)
    try:
        assert all(slots.take() for _ in range(100))
        slots.give()
        slots.share()
        assert tokens_for_others(slots) == 3, "each build has one job of its own"
        assert slots.jobs == 4
    finally:
        slots.close()


def test_one_core_is_the_build_s_own() -> None:
    slots = Slots(0, cores=1)
    try:
        assert tokens_for_others(slots) == 0
        slots.restore()
        assert tokens_for_others(slots) == 0
    finally:
        slots.close()


@pytest.mark.parametrize("lost", [1, 2])
def test_lost_tokens_are_restored(two: Slots, lost: int) -> None:
    subprocess.run(["head", "-c", str(lost), two.path], stdout=subprocess.DEVNULL, check=True)
    two.restore()
    assert tokens_for_others(two) == 2


def test_too_many_tokens_are_taken_away(two: Slots) -> None:
    with open(two.path, "wb") as pipe:
        pipe.write(b"+++")
    two.restore()
    assert tokens_for_others(two) == 2
