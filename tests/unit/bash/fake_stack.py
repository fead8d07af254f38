"""A stack that records what requests do with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from doitstack.errors import ServiceError


@dataclass
class FakeStack:
    """Notes what is done to services."""

    dest: Path
    log: list[tuple[Any, ...]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)

    def run_process(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        code: str = "",
    ) -> None:
        if argv == ["/bin/false"]:
            raise ServiceError(f"{name} does not stay up")
        self.log.append(("run", name, list(argv), dict(env or {})))
        self.codes.append(code)

    def stop_process(self, *names: str) -> None:
        self.log.append(("stop", *names))

    def say(self, text: str, *, at_end: bool = False) -> None:
        self.log.append(("say", text))

    def warn(self, text: str) -> None:
        self.log.append(("warn", text))

    @property
    def services(self) -> Any:
        state = SimpleNamespace(value="RUNNING")
        return SimpleNamespace(
            status=lambda: [SimpleNamespace(name="a", state=state)],
            start_again=self._start_again,
            names=lambda: self.names,
        )

    def _start_again(self, name: str) -> bool:
        self.log.append(("again", name))
        return name in ("keystone", *self.names)
