"""How many futures may run at once: tokens in a pipe, so that the bash session can share them."""

import os


class Slots:
    """`jobs` tokens; whoever starts a future takes one and gives it back. 0 jobs: no limit."""

    def __init__(self, jobs: int) -> None:
        self._ends: tuple[int, int] | None = None
        if jobs:
            self._ends = os.pipe()
            os.set_blocking(self._ends[0], False)
            os.write(self._ends[1], b"+" * jobs)

    def take(self) -> bool:
        """Take a token if there is one; return whether there was."""
        if self._ends is None:
            return True
        try:
            return bool(os.read(self._ends[0], 1))
        except BlockingIOError:
            return False

    def give(self) -> None:
        """Give a token back."""
        if self._ends:
            os.write(self._ends[1], b"+")

    def open_for_shell(self) -> int | None:
        """Return a descriptor on which a shell can wait for a token and give it back."""
        if self._ends is None:
            return None
        # A new opening has a blocking mode of its own.
        return os.open(f"/proc/self/fd/{self._ends[0]}", os.O_RDWR)

    def close(self) -> None:
        """Let go of the pipe."""
        for descriptor in self._ends or ():
            os.close(descriptor)
        self._ends = None
