"""Slots limit how much runs at once: tokens in a pipe, by the protocol of GNU make's jobserver.

A future holds a token while it runs. Builds inside it take more tokens from the same pipe; see
`make_jobserver`. In that protocol each build does one job without a token; it uses the token of its
future.
"""

import fcntl
import os
import struct
import termios

_TOKEN = b"+"


class Slots:
    """The tokens of one run.

    Args:
        jobs: the number of tokens. With 0, futures need none, and builds share `cores` - 1.
        cores: the number of processors.
    """

    def __init__(self, jobs: int, cores: int = 1) -> None:
        self.jobs = jobs or cores
        self.is_bounded = jobs > 0
        self._total = jobs or cores - 1
        self._spare = 0
        self.descriptor, self._end = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.write(self._end, _TOKEN * self._total)

    @property
    def path(self) -> str:
        """The pipe as a file that other processes can open while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def take(self) -> bool:
        """Take a token if there is one; return whether there was."""
        if not self.is_bounded:
            return True
        if self._spare:
            self._spare -= 1
            return True
        try:
            return bool(os.read(self.descriptor, 1))
        except BlockingIOError:
            return False

    def give(self) -> None:
        """Give a token back, for the next `take`, or with `share` for builds."""
        if self.is_bounded:
            self._spare += 1

    def share(self) -> None:
        """Let builds use the tokens that were given back here."""
        if self._spare:
            os.write(self._end, _TOKEN * self._spare)
            self._spare = 0

    def restore(self) -> None:
        """Put back tokens that were lost: a build that was killed gives none back.

        Nothing that may hold a token must run.
        """
        self._spare = 0
        missing = self._total - self._waiting()
        if missing > 0:
            os.write(self._end, _TOKEN * missing)
        elif missing < 0:
            os.read(self.descriptor, -missing)

    def _waiting(self) -> int:
        """Return how many tokens are in the pipe."""
        answer = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", answer)[0])

    def close(self) -> None:
        """Close the pipe."""
        os.close(self.descriptor)
        os.close(self._end)
