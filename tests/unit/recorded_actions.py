"""A stack for plugins' functions: real settings below a directory, programs only recorded."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doitstack.config.settings import load_settings
from doitstack.processes.program import Program
from doitstack.stack import Stack
from doitstack_plugins.keystone.plugin import plugin as keystone


class RecordedActions:
    """A context that records what actions do; `play` stands in for the programs."""

    warnings_as_errors = False

    def __init__(self, play: Callable[[Program], None]) -> None:
        self.play = play
        self.began = time.time()
        self.programs: list[Program] = []
        self.said: list[str] = []
        self.components: list[str] = []

    def run(self, program: Program) -> None:
        self.programs.append(program)
        self.play(program)

    def say(self, text: str, *, at_end: bool = False) -> None:
        self.said.append(text)

    def warn(self, text: str) -> None:
        self.said.append(f"WARNING: {text}")

    def took(self, component: str, seconds: float) -> None:
        self.components.append(component)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def shell(self, command: str) -> None:
        raise AssertionError(command)

    def async_run(self, name: str, command: str, action: Callable[[], Any], **how: Any) -> Any:
        raise AssertionError(name)

    def async_wait(self, *names: str) -> int:
        raise AssertionError(names)


def make_stack(top_dir: Path, **environ: str) -> Stack:
    """Return a stack with keystone's defaults, at home in `top_dir`."""
    settings = load_settings(top_dir, {"ADMIN_PASSWORD": "p$ 'w", **environ})
    keystone.source(settings)
    return Stack(settings)
