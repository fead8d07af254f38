"""Samples of CPU time."""

import os
import time

import pytest

from doitstack import usage
from doitstack.process_tree import Process, all_processes
from doitstack.usage import Sampler, machine_busy, tree_cpu


def _process(pid: int, parent: int, cpu: float) -> Process:
    return Process(pid, parent, group=1, started=1, is_zombie=False, cpu=cpu)


def test_tree_cpu_is_of_a_process_and_all_below_it() -> None:
    processes = [
        _process(14, 12, 8.0),
        _process(10, 1, 1.0),
        _process(11, 10, 2.0),
        _process(12, 10, 4.0),
        _process(20, 1, 100.0),
        _process(21, 20, 100.0),
    ]
    assert tree_cpu(10, processes) == 1 + 2 + 4 + 8
    assert tree_cpu(99, processes) == 0


def test_machine_busy_leaves_out_idle_time_and_what_others_stole() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    words = [1, 2, 4, 1000, 1000, 8, 16, 1000, 1000, 1000]
    stat = " ".join(["cpu ", *(str(word * ticks) for word in words)]) + "\ncpu0 1 2 3\n"
    assert machine_busy(stat) == 1 + 2 + 4 + 8 + 16


def test_own_cpu_time_is_seen_in_the_kernels_table() -> None:
    while time.process_time() < 0.2:
        pass
    assert tree_cpu(os.getpid(), all_processes()) >= 0.1


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0, 0.0]
    monkeypatch.setattr(usage.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(usage.time, "thread_time", lambda: now[1])
    return now


def test_there_is_a_sample_a_second(clock: list[float]) -> None:
    samples: list[tuple[float, float]] = []
    sampler = Sampler(lambda cpu, machine: samples.append((cpu, machine)))
    for clock[0] in (100.0, 100.5, 100.9, 101.0, 101.9, 102.0):
        sampler.look()
    assert len(samples) == 3
    assert all(cpu > 0 and machine > 0 for cpu, machine in samples)


def test_samples_that_cost_more_are_fewer(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    times: list[float] = []
    sampler = Sampler(lambda _cpu, _machine: times.append(clock[0]))

    def dear() -> list[Process]:
        clock[1] += 0.05
        return []

    monkeypatch.setattr(usage, "all_processes", dear)
    for clock[0] in range(100, 111):
        sampler.look()
    assert times == [100, 105, 110]


def test_cpu_time_never_goes_back(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    sampler = Sampler(lambda cpu, _machine: seen.append(cpu))
    tables = iter([[_process(os.getpid(), 1, 5.0)], [_process(os.getpid(), 1, 3.0)]])
    monkeypatch.setattr(usage, "all_processes", lambda: next(tables))
    for clock[0] in (100.0, 101.0):
        sampler.look()
    assert seen == [5.0, 5.0]
