"""What all our commands share: Ctrl-C ends them without a traceback."""

from doit.cmd_base import DoitCmdBase

INTERRUPTED = 130
"""The exit code of a shell for Ctrl-C."""


class Interruptible(DoitCmdBase):  # type: ignore[misc]
    """A command that ends without a word on Ctrl-C; a run of steps has its own words for it."""

    def parse_execute(self, in_args: list[str]) -> int:
        """Run the command."""
        try:
            code: int = super().parse_execute(in_args)
        except KeyboardInterrupt:
            return INTERRUPTED
        return code
