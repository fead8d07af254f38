"""The tool of the tests as the program of a stack."""

from pathlib import Path

from doitstack import warm
from doitstack.config.settings import load_settings
from doitstack.stack import Stack
from doitstack.venvs import Environment
from tests.served_tool import Tool, plain_environment


class StackTool(Tool):
    """The tool as the program of a stack, which installs its client and starts its server."""

    def __init__(self, top: Path) -> None:
        self.stack = Stack(load_settings(top, plain_environment()))
        self.environment = Environment(top / "venv", ())
        self.program = warm.Program(self.environment, "tool", preload=("fake_tool",))
        super().__init__(top, client=warm.client_path(self.stack, "tool"))
        self.options = warm.options(self.stack, self.program)
        warm.put(self.stack, self.program)
