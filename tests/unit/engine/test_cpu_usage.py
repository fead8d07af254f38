"""Samples of CPU time."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from doitstack.engine import cpu_usage
from doitstack.engine.cpu_usage import Meter, Sampler, machine_busy, supervisord_pid, tree_cpu
from doitstack.processes.tree import Process


def _process(pid: int, parent: int, cpu: float) -> Process:
    return Process(pid, parent, group=1, started=1, is_zombie=False, cpu=cpu)


def test_tree_cpu_is_of_some_processes_and_all_below_them() -> None:
    processes = [
        _process(14, 12, 8.0),
        _process(10, 1, 1.0),
        _process(11, 10, 2.0),
        _process(12, 10, 4.0),
        _process(20, 1, 100.0),
        _process(21, 20, 100.0),
    ]
    assert tree_cpu([10], processes) == 1 + 2 + 4 + 8
    assert tree_cpu([10, 12], processes) == 1 + 2 + 4 + 8
    assert tree_cpu([11, 20], processes) == 2 + 200
    assert tree_cpu([99], processes) == 0


def test_machine_busy_leaves_out_idle_time_and_what_others_stole() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    words = [1, 2, 4, 1000, 1000, 8, 16, 1000, 1000, 1000]
    stat = " ".join(["cpu ", *(str(word * ticks) for word in words)]) + "\ncpu0 1 2 3\n"
    assert machine_busy(stat) == 1 + 2 + 4 + 8 + 16


def test_own_cpu_time_is_seen_from_the_start_of_the_run(tmp_path: Path) -> None:
    _compute(0.2)
    before = time.process_time()
    meter = Meter(tmp_path)
    assert meter.used() <= time.process_time() - before + 0.1
    _compute(0.2)
    assert meter.used() >= 0.1


def _compute(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0, 0.0]
    monkeypatch.setattr(cpu_usage.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(cpu_usage.time, "thread_time", lambda: now[1])
    return now


def test_there_is_a_sample_a_second(clock: list[float], tmp_path: Path) -> None:
    samples: list[tuple[float, float]] = []
    sampler = Sampler(Meter(tmp_path), lambda cpu, machine: samples.append((cpu, machine)))
    _compute(0.1)
    for clock[0] in (100.0, 100.5, 100.9, 101.0, 101.9, 102.0):
        sampler.tick()
    assert len(samples) == 3
    assert all(cpu > 0 and machine > 0 for cpu, machine in samples)


def test_samples_that_cost_more_are_fewer(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    times: list[float] = []
    sampler = Sampler(Meter(tmp_path), lambda _cpu, _machine: times.append(clock[0]))

    def dear() -> list[Process]:
        clock[1] += 0.05
        return []

    monkeypatch.setattr(cpu_usage, "all_processes", dear)
    for clock[0] in range(100, 111):
        sampler.tick()
    assert times == [100, 105, 110]


class Machine:
    """A table of processes that a test writes; 50 is the supervisord."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.processes: list[Process] = []
        monkeypatch.setattr(cpu_usage, "all_processes", lambda: self.processes)
        monkeypatch.setattr(cpu_usage, "supervisord_pid", lambda _: self.keeper)
        self.keeper: int | None = None
        self.directory = directory

    def used_by(self, *, us: float, service: float | None = None) -> None:
        self.processes = [_process(os.getpid(), 1, us)]
        self.keeper = None if service is None else 50
        if service is not None:
            self.processes += [_process(50, 1, 1.0), _process(51, 50, service)]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Machine:
    return Machine(monkeypatch, tmp_path)


def test_services_that_the_run_started_count(machine: Machine) -> None:
    machine.used_by(us=1.0)
    meter = Meter(machine.directory)
    machine.used_by(us=2.0, service=5.0)
    assert meter.used() == 1 + 1 + 5


def test_services_that_ran_before_count_from_the_start_of_the_run(machine: Machine) -> None:
    machine.used_by(us=1.0, service=100.0)
    meter = Meter(machine.directory)
    machine.used_by(us=2.0, service=104.0)
    assert meter.used() == 1 + 4


def test_cpu_time_never_goes_back(machine: Machine) -> None:
    meter = Meter(machine.directory)
    machine.used_by(us=2.0, service=5.0)
    assert meter.used() == 8
    machine.used_by(us=3.0)
    assert meter.used() == 8


def test_supervisord_is_the_one_that_works_in_the_directory(tmp_path: Path) -> None:
    assert supervisord_pid(tmp_path) is None
    (tmp_path / "supervisord.pid").write_text("no number\n")
    assert supervisord_pid(tmp_path) is None
    (tmp_path / "supervisord.pid").write_text(f"{os.getpid()}\n")
    assert supervisord_pid(tmp_path) is None
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, cwd=tmp_path) as process:
        (tmp_path / "supervisord.pid").write_text(f"{process.pid}\n")
        assert supervisord_pid(tmp_path) == process.pid
