"""Where a process of the shell that has been forked waits for its turn: at the end of a FIFO."""

import os
from pathlib import Path


class StartGate:
    """It is made only where it is shut before it is opened; whoever reads a line has passed it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self.is_open = False

    def shut(self) -> str:
        """Make it; return the path at which to wait."""
        os.mkfifo(self._path, 0o600)
        # With a reader of ours nobody waits for another to open it, and no word is lost.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        return str(self._path)

    def open(self) -> None:
        """Let the one who waits here pass, also if he only comes later."""
        self.is_open = True
        if self._descriptor is not None:
            os.write(self._descriptor, b"\n")

    def remove(self) -> None:
        """Take it away."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._path.unlink(missing_ok=True)
