"""Services without processes: what supervisord would do is kept in memory."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from doitstack.services.services import Services


class FakeSupervisord:
    """Programs that run immediately, except those in `broken`; each has the pid of this process."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.configurations: dict[str, tuple[str, int]] = {}
        self.states: dict[str, str] = {}
        self.broken: set[str] = set()
        self.calls: list[str] = []
        self.is_running = False

    def answers(self) -> bool:
        return True

    def names(self) -> list[str]:
        return sorted(self.configurations)

    @contextmanager
    def locked(self) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        yield

    def ensure(self) -> None:
        self.is_running = True

    def shut_down(self) -> None:
        self.is_running = False
        self.states = dict.fromkeys(self.states, "STOPPED")

    def has(self, name: str, script: str, stop_seconds: int) -> bool:
        return self.configurations.get(name) == (script, stop_seconds)

    def put(self, name: str, script: str, stop_seconds: int) -> None:
        self.configurations[name] = (script, stop_seconds)

    def start(self, name: str, *, wait: bool) -> bool:
        self.calls.append(f"start {name}")
        is_up = name not in self.broken
        self.states[name] = "RUNNING" if is_up else "FATAL"
        return is_up or not wait

    def signal_stop(self, name: str) -> None:
        self.calls.append(f"signal {name}")
        self.states[name] = "STOPPED"

    def wait_while_stopping(self, names: Iterable[str]) -> None:
        """Return immediately, as if a signal ended each program immediately."""

    def infos(self) -> dict[str, dict[str, Any]]:
        now = int(time.time())
        return {
            name: {
                "statename": state,
                "pid": os.getpid() if state == "RUNNING" else 0,
                "start": now,
                "stop": 0 if state == "RUNNING" else now,
            }
            for name, state in self.states.items()
        }

    def processes(self) -> dict[str, list[int]]:
        return {name: [os.getpid()] for name, state in self.states.items() if state == "RUNNING"}

    def end_processes(self, names: Iterable[str]) -> None:
        self.calls += [f"end {name}" for name in names]


def fake_services(directory: Path) -> tuple[Services, FakeSupervisord]:
    """Return services below `directory`, and what they believe to be supervisord."""
    services = Services(directory / "supervisor", directory / "logs")
    supervisord = FakeSupervisord(directory / "supervisor")
    services._supervisord = supervisord  # type: ignore[assignment]
    return services, supervisord
